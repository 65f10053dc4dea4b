//! The command: parse → load → run → exit code.

use clap::Parser;
use seismolog::cli::{Cli, Command};
use seismolog::command::{
    check::check, config::config, demo::demo, explain::explain, replay::replay, rules::rules, run::run,
    templates::templates, test::test,
};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => run(&args),
        Command::Replay(args) => replay(&args, &mut std::io::stdout().lock()),
        Command::Explain(args) => explain(&args, &mut std::io::stdout().lock()),
        Command::Check(args) => check(&args),
        Command::Test(args) => test(&args, &mut std::io::stdout().lock()),
        Command::Rules(args) => rules(&args, &mut std::io::stdout().lock()),
        Command::Config(settings) => config(&settings, &mut std::io::stdout().lock()),
        Command::Templates(args) => templates(&args, &mut std::io::stdout().lock()),
        Command::Demo(args) => demo(&args, &mut std::io::stdout().lock()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be left to read this either; the exit code says it too.
            let _ = writeln!(std::io::stderr(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
