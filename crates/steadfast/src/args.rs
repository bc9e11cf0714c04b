use std::path::PathBuf;
use std::time::Duration;

use base::Timestamp;
use clap::{Parser, Subcommand, ValueEnum};

/// Is production what you declared? Watches, compares with Git, and pages.
#[derive(Debug, Parser)]
#[command(
    name = "steadfast",
    version,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 fine, 1 error, 2 drift, a failed canary or other pages found."
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watches, compares, pages and answers, until it is told to end.
    Up {
        /// The configuration; without one, this host is watched and nobody is paged.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// All mistakes of a configuration file at once.
    CheckConfig {
        /// The file.
        file: PathBuf,
    },
    /// Writes what is live on this host as desired state, to adopt Steadfast on a running estate.
    Capture {
        /// Where to; made a Git repository if it is in none.
        dir: PathBuf,
        /// The configuration that says what is watched.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// What differs now.
    Drift {
        /// Goes on and shows each change as it comes.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        server: Server,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// The same comparison offline, on files: host manifests, or objects of Kubernetes.
    Diff {
        /// What is declared.
        #[arg(long, value_name = "FILE")]
        desired: PathBuf,
        /// What is live.
        #[arg(long, value_name = "FILE")]
        live: PathBuf,
        /// What was declared before.
        #[arg(long, value_name = "FILE")]
        previous: Option<PathBuf>,
        /// Of Kubernetes objects: kinds that are not built in, as CustomResourceDefinitions, an
        /// OpenAPI v3 document, or the `openAPIV3Schema` of the one kind.
        #[arg(long, value_name = "FILE")]
        schema: Option<PathBuf>,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Runs tests that you have written.
    Test {
        /// Which kind.
        #[command(subcommand)]
        kind: Test,
    },
    /// A canary offline, on a metric-set file as Kayenta's remote judge gets it. It fails with exit
    /// code 2.
    Judge {
        /// Who judges: classic, sequential; without it, the judge that the file names.
        #[arg(long, value_name = "NAME")]
        judge: Option<String>,
        /// The file; `-` is standard input.
        file: PathBuf,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Which pages another configuration would have sent, against those that were: over the history of a
    /// running Steadfast, which is neither written to nor sends anything. Exit code 2 if they differ.
    Replay {
        /// Pages from this time on, RFC 3339,
        #[arg(long, value_name = "TIME", value_parser = time)]
        from: Timestamp,
        /// up to this one.
        #[arg(long, value_name = "TIME", value_parser = time)]
        to: Timestamp,
        /// The other configuration; without one, nobody is paged.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// How long before that is looked for what was open.
        #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "7d")]
        warm_up: Duration,
        #[command(flatten)]
        server: Server,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Output::Text)]
        output: Output,
    },
    /// Asks a running Steadfast.
    Sql {
        /// A SELECT.
        query: String,
        #[command(flatten)]
        server: Server,
        /// How to show it.
        #[arg(long, value_enum, default_value_t = Format::Table)]
        output: Format,
    },
}

fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|error: base::TimestampError| error.to_string())
}

fn duration(text: &str) -> Result<Duration, String> {
    base::duration::parse(text).map_err(|error| error.to_string())
}

/// Kinds of tests.
#[derive(Debug, Subcommand)]
pub enum Test {
    /// Scripts in the language of Prometheus' PromQL tests: load series, evaluate, expect.
    Promql {
        /// The scripts.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Unit tests of rules, in promtool's format.
    Rules {
        /// The tests.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Only tests whose name matches this regular expression; may be given several times.
        #[arg(long, value_name = "REGEX")]
        run: Vec<String>,
        /// Fields of files that are not known are no mistakes.
        #[arg(long)]
        ignore_unknown_fields: bool,
    },
}

/// Which Steadfast to ask.
#[derive(Debug, clap::Args)]
pub struct Server {
    /// Its address.
    #[arg(long, env = "STEADFAST_SERVER", default_value = "http://127.0.0.1:9470", value_name = "URL")]
    pub server: String,
    /// The variable that holds the token, if it wants one.
    #[arg(long, default_value = "STEADFAST_TOKEN", value_name = "NAME")]
    pub token_env: String,
}

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Forms of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}
