//! The command: parse → load → run → exit code.

use seismolog::cli::{self, Command};
use seismolog::command::{
    check::check, config::config, demo::demo, explain::explain, inspect::inspect, replay::replay, rules::rules,
    run::run, schema::schema, templates::templates, test::test,
};
use seismolog::io::escaping::{safe_stderr, safe_stdout};
use seismolog::plain::plain;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic may repeat what is being read, line breaks too; `run` has it in its log instead.
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
        Command::Config(settings) => config(&settings, &mut safe_stdout()),
        Command::Schema(args) => schema(args.of, &mut safe_stdout()),
        Command::Templates(args) => templates(&args, &mut safe_stdout()),
        Command::Inspect(args) => inspect(&args, &mut safe_stdout()),
        Command::Demo(args) => demo(&args, &mut safe_stdout()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody may be left to read this either; the exit code says it too.
            let _ = writeln!(safe_stderr(), "{failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
