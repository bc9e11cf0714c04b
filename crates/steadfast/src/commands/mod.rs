mod backtest;
mod offline;
mod online;
mod replay;
mod scanning;
mod test;
mod up;

use std::error::Error;
use std::path::Path;

use app::Config;

use crate::args::{Args, Command, Test};

/// Runs a command; gives the exit code.
pub async fn run(args: Args) -> Result<u8, Box<dyn Error>> {
    match args.command {
        Command::Up { config: Some(file) } => up::up(offline::checked(&file).await?).await,
        Command::Up { config: None } => up::up(load(None)?).await,
        Command::CheckConfig { file } => offline::check_config(&file).await,
        Command::Capture { dir, config } => offline::capture(&load(config.as_deref())?, &dir).await,
        Command::Drift { watch, server, output } => online::drift(&server, watch, output).await,
        Command::Diff { desired, live, previous, schema, output } => {
            let (previous, schema) = (previous.as_deref(), schema.as_deref());
            offline::diff(&app::Files { desired: &desired, live: &live, previous, schema }, output)
        }
        Command::Test { kind: Test::Promql { files } } => test::promql(&files),
        Command::Test { kind: Test::Rules { files, run, ignore_unknown_fields } } => {
            test::rules(&files, &run, ignore_unknown_fields)
        }
        Command::Judge { judge, file, backtest, server, output } if backtest.backtest => {
            backtest::backtest(&file, judge.as_deref(), &backtest, &server, output).await
        }
        Command::Judge { judge, file, output, .. } => offline::judge(&file, judge.as_deref(), output),
        Command::Replay { from, to, config, warm_up, server, output } => {
            replay::replay(&load(config.as_deref())?, app::Window { from, to, warm_up }, &server, output).await
        }
        Command::Sql { query, server, output } => online::sql(&server, &query, output).await,
    }
}

fn load(config: Option<&Path>) -> Result<Config, Box<dyn Error>> {
    match config {
        Some(file) => Ok(Config::load(file)?),
        None => Config::embedded()
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").into()),
    }
}

/// Standard output may be a pipe that was closed: then there is nobody to tell.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
