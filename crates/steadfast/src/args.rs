use std::path::PathBuf;
use std::time::Duration;

use base::Timestamp;
use clap::{Parser, Subcommand, ValueEnum};

/// Is production what you declared? Watches, compares with Git, and pages.
#[derive(Debug, Parser)]
#[command(
    name = "steadfast",
    version,
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
    /// A canary offline, on a metric-set file as Kayenta's remote judge gets it; or with --backtest a
    /// canary configuration over stored history. It fails with exit code 2.
    Judge {
        /// Who judges: classic, sequential; without it, the judge that the file names.
        #[arg(long, value_name = "NAME")]
        judge: Option<String>,
        /// The file; `-` is standard input.
        file: PathBuf,
        #[command(flatten)]
        backtest: Backtest,
        #[command(flatten)]
        server: Server,
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

/// A canary configuration over stored history.
#[derive(Debug, clap::Args)]
pub struct Backtest {
    /// The file is a canary configuration (JSON): it is judged over the history of a running Steadfast, window
    /// by window.
    #[arg(long, requires_all = ["from", "to", "control", "experiment"])]
    pub backtest: bool,
    /// The first window begins at this time, RFC 3339,
    #[arg(long, value_name = "TIME", value_parser = time, requires = "backtest")]
    pub from: Option<Timestamp>,
    /// the last ends by this one.
    #[arg(long, value_name = "TIME", value_parser = time, requires = "backtest")]
    pub to: Option<Timestamp>,
    /// What `${scope}` is for the baseline,
    #[arg(long, value_name = "SCOPE", requires = "backtest")]
    pub control: Option<String>,
    /// and for the canary.
    #[arg(long, value_name = "SCOPE", requires = "backtest")]
    pub experiment: Option<String>,
    /// What `${location}` is.
    #[arg(long, requires = "backtest")]
    pub location: Option<String>,
    /// What another name in templates is; may be given several times.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter, requires = "backtest")]
    pub params: Vec<(String, String)>,
    /// How long a window is.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "1h")]
    pub window: Duration,
    /// From the begin of one window to that of the next; as long as a window, if not given.
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "backtest")]
    pub every: Option<Duration>,
    /// From one point to the next.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub step: Duration,
    /// The score to pass, if the configuration does not say.
    #[arg(long, value_name = "SCORE", default_value_t = 95.0)]
    pub pass: f64,
    /// The score to be marginal, if the configuration does not say.
    #[arg(long, value_name = "SCORE", default_value_t = 75.0)]
    pub marginal: f64,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "NAME=VALUE is wanted".to_owned())
}

/// Where a Steadfast answers if nothing else is configured.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:9470";

/// Which Steadfast to ask.
#[derive(Debug, clap::Args)]
pub struct Server {
    /// Its address; `http://` where none is written.
    #[arg(long, env = "STEADFAST_SERVER", default_value = DEFAULT_SERVER, value_name = "URL")]
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

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn help_is_a_command() {
        for asked in [&["steadfast", "help"][..], &["steadfast", "help", "drift"]] {
            assert_eq!(Args::try_parse_from(asked).unwrap_err().kind(), ErrorKind::DisplayHelp);
        }
    }
}
