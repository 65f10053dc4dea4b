//! The program: parse → load → run → exit code.

use seismolog::cli::{self, Command};
use seismolog::command::{
    alert::alert, check::check, config::config, demo::demo, detectors::detectors, explain::explain, inspect::inspect,
    replay::replay, rules::rules, run::run, schema::schema, templates::templates, test::test,
};
use seismolog::io::escaping::{safe_stderr, safe_stdout};
use seismolog::plain::plain;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic message may quote log lines and their line breaks, so it is escaped; `run` writes
    // panics to its log instead.
    std::panic::set_hook(Box::new(|panic| {
        let panic = plain(&panic.to_string());
        let _ = writeln!(safe_stderr(), "seismolog: internal error, please report it: {panic}");
    }));
    let cli = cli::parse();
    let ended = match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => run(&args),
        Command::Replay(args) => replay(&args, &mut safe_stdout()),
        Command::Explain(args) => explain(&args, &mut safe_stdout()),
        Command::Check(args) => check(&args),
        Command::Test(args) => test(&args, &mut safe_stdout()),
        Command::Rules(args) => rules(&args, &mut safe_stdout()),
        Command::Detectors(args) => detectors(&args, &mut safe_stdout()),
        Command::Config(settings) => config(&settings, &mut safe_stdout()),
        Command::Schema(args) => schema(args.of, &mut safe_stdout()),
        Command::Templates(args) => templates(&args, &mut safe_stdout()),
        Command::Inspect(args) => inspect(&args, &mut safe_stdout()),
        Command::Alert(args) => alert(&args.command, &mut safe_stdout()),
        Command::Demo(args) => demo(&args, &mut safe_stdout()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Standard error may be closed as well; then only the exit code reports the failure.
            let _ = writeln!(safe_stderr(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
