//! Tests symbolic links and pipes in place of files: our own files are not written through them,
//! and files that are not ours are not read.

use crate::support::{Ended, Filter, command, run, until};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

const RULE: &str = "const RULE = #{ severity: \"info\", key: [], select: #{ message: \"x\" } };\n\
                    fn on_event(e) { annotate(\"by\", \"rule one\"); }\n";
const SECRET: &str = "root:$y$j9T$SECRETHASH:19000:0:99999:7:::\n";

fn outcome(args: &[&str]) -> (Option<i32>, String) {
    let Ended { stdout, stderr, code } =
        Filter::start(command(args).stdin(Stdio::null()).stdout(Stdio::piped())).finish();
    (code, format!("{}{stderr}", String::from_utf8(stdout).unwrap()))
}

fn mkfifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
}

#[test]
fn links_in_the_directory_of_the_state_are_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (state, victim) = (folder.path().join("state"), folder.path().join("victim"));
    fs::write(&victim, "precious").unwrap();
    fs::create_dir(&state).unwrap();
    symlink(&victim, state.join("seismolog.state.new")).unwrap();
    let args = ["--state", state.to_str().unwrap()];
    let input = b"{\"message\":\"x\"}\n";
    assert_eq!(run(&args, input).quietly(), input);
    let about = fs::symlink_metadata(state.join("seismolog.state")).unwrap();
    assert!(about.is_file() && about.permissions().mode() & 0o777 == 0o600, "{about:?}");
    for what in ["a link", "a pipe", "a directory"] {
        fs::remove_file(state.join("seismolog.state")).unwrap();
        match what {
            "a link" => symlink(&victim, state.join("seismolog.state")).unwrap(),
            "a pipe" => mkfifo(&state.join("seismolog.state")),
            _ => fs::create_dir(state.join("seismolog.state")).unwrap(),
        }
        let ended = run(&args, input);
        assert_eq!((ended.code, ended.stdout.as_slice()), (Some(0), &input[..]), "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains(" is invalid (it is no regular file): moved to "), "{what}: {}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_lock_that_is_a_pipe_or_a_link_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let lock = folder.path().join("lock");
    for pipe in [true, false] {
        if pipe {
            mkfifo(&lock)
        } else {
            symlink("elsewhere", &lock).unwrap()
        }
        let ended = run(&["--state", folder.path().to_str().unwrap()], b"");
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("lock in it is no regular file"), "{}", ended.stderr);
        fs::remove_file(&lock).unwrap();
    }
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_directory_of_the_state_that_all_may_write_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let args = ["--state", state.to_str().unwrap()];
    run(&args, b"").quietly();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o1777)).unwrap();
    let ended = run(&args, b"");
    assert!(ended.code == Some(0) && ended.stderr.contains("every user of this machine may write it"), "{ended:?}");
}

#[test]
fn links_that_leave_a_directory_of_rules_are_refused_and_nothing_behind_them_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (rules, secret) = (folder.path().join("rules"), folder.path().join("shadow"));
    fs::create_dir(&rules).unwrap();
    fs::write(&secret, SECRET).unwrap();
    let (shown, config) = (rules.to_str().unwrap().to_owned(), folder.path().join("c.toml"));
    fs::write(&config, "[rules]\npaths = [\"rules\"]\nfollow_links = true\n").unwrap();
    let config = config.to_str().unwrap().to_owned();
    for name in ["a.rhai", "a.toml", "a.csv", "a.test.toml"] {
        symlink("../shadow", rules.join(name)).unwrap();
        for args in [&["check", &shown][..], &["rules", &shown], &["test", &shown]] {
            let (code, said) = outcome(args);
            if args[0] != "rules" || !name.contains("test") {
                assert_eq!(code, Some(78), "{args:?} {name}: {said}");
                assert!(said.contains("a link that leaves its directory") && said.contains("follow_links"), "{said}");
            }
            assert!(!said.contains("SECRET"), "{args:?} {name}: {said}");
        }
        if !name.contains("test") {
            let ended = run(&["--rules", &shown], b"");
            assert!(ended.code == Some(78) && !ended.stderr.contains("SECRET"), "{name}: {}", ended.stderr);
            // Links are followed if that is configured, but their content is still not quoted.
            let (code, said) = outcome(&["check", "-c", &config]);
            assert!(!said.contains("leaves") && !said.contains("SECRET"), "{name}: {said}");
            // A single line of CSV is the header of an empty table.
            assert_eq!(code, Some(if name == "a.csv" { 0 } else { 78 }), "{name}: {said}");
        }
        fs::remove_file(rules.join(name)).unwrap();
    }
    // A link to a valid rule is followed if that is configured, and refused otherwise.
    fs::write(folder.path().join("one.rhai"), RULE).unwrap();
    symlink("../one.rhai", rules.join("one.rhai")).unwrap();
    assert_eq!(outcome(&["check", "-c", &config]), (Some(0), String::new()));
    assert_eq!(outcome(&["check", &shown]).0, Some(78));
    // A link that is named on the command line is followed, because the operator named it.
    assert_eq!(outcome(&["check", rules.join("one.rhai").to_str().unwrap()]), (Some(0), String::new()));
}

#[test]
fn a_table_that_is_none_is_said_without_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().to_str().unwrap();
    for (name, text) in [
        ("t.toml", "[a]\npassword = \"SECRET\n"),
        ("t.toml", "[a]\npassword = [\"SECRET\"]\n"),
        ("t.toml", "AWS_KEY=SECRET\n"),
        ("t.csv", "code,cause\nSECRET\n"),
        ("t.csv", "code,cause\n\"SECRET\n"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
        let (code, said) = outcome(&["check", rules]);
        assert!(code == Some(78) && said.contains(&format!("{name}:")) && !said.contains("SECRET"), "{said}");
        fs::remove_file(folder.path().join(name)).unwrap();
    }
}

#[test]
fn tests_that_are_found_in_a_directory_name_nothing_outside_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    fs::create_dir(&rules).unwrap();
    fs::write(folder.path().join("shadow"), SECRET).unwrap();
    fs::write(folder.path().join("one.rhai"), RULE).unwrap();
    let test = rules.join("a.test.toml");
    let case = "[[test]]\nname = \"n\"\nexpect = [{ detector = \"loop\" }]\n";
    for (text, leaves) in [
        (format!("config = \"../shadow\"\n{case}given = [{{ message = \"x\" }}]\n"), true),
        (format!("config = \"/etc/passwd\"\n{case}given = [{{ message = \"x\" }}]\n"), true),
        (format!("rules = [\"../one.rhai\"]\n{case}given = [{{ message = \"x\" }}]\n"), true),
        (format!("{case}given = [{{ file = \"../shadow\" }}]\n"), true),
        (format!("{case}given = [{{ message = \"x\" }}]\n"), false),
    ] {
        fs::write(&test, text).unwrap();
        let (code, said) = outcome(&["test", rules.to_str().unwrap()]);
        assert_eq!(said.contains("is outside of the directory"), leaves, "{said}");
        assert_eq!(code, Some(if leaves { 78 } else { 1 }), "{said}");
        assert!(!said.contains("SECRET") && !said.contains("root:"), "{said}");
        // A test file that is named itself may read outside of the directory.
        let said = outcome(&["test", test.to_str().unwrap()]).1;
        assert!(!said.contains("is outside of the directory"), "{said}");
    }
}

/// Writes a ConfigMap volume as Kubernetes does: links with the names → `..data` → a folder for the
/// version.
fn write_config_map(volume: &Path, version: &str, summary: &str) {
    let folder = volume.join(version);
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("one.rhai"), RULE.replace("rule one", summary)).unwrap();
    fs::write(folder.join("codes.toml"), "[\"E-1\"]\ncause = \"one\"\n").unwrap();
    symlink(version, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
}

#[test]
fn a_config_map_is_read_and_read_again_when_it_is_swapped() {
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path();
    write_config_map(volume, "..2026_03_02_08_00_00.1", "summary one");
    for name in ["one.rhai", "codes.toml"] {
        symlink(Path::new("..data").join(name), volume.join(name)).unwrap();
    }
    let mut filter = Filter::in_pipes(&["--no-shipped-rules", "--rules", volume.to_str().unwrap()]);
    let line = |filter: &mut Filter| {
        filter.feed(b"{\"message\":\"x\"}\n");
        filter.line()
    };
    assert!(line(&mut filter).contains("summary one"));
    write_config_map(volume, "..2026_03_02_09_00_00.2", "summary two");
    fs::remove_dir_all(volume.join("..2026_03_02_08_00_00.1")).unwrap();
    until("the rule of the second version", || line(&mut filter).contains("summary two").then_some(()));
    filter.hear("rules reloaded");
    // A link that leaves the volume is refused; the running rules stay in force.
    symlink("/etc/passwd", volume.join("two.rhai")).unwrap();
    filter.hear("rules not reloaded");
    filter.feed(b"{\"message\":\"x\"}\n");
    assert!(filter.line().contains("\"x\""));
    let ended = filter.finish();
    assert!(ended.code == Some(0) && ended.stderr.contains("leaves its directory"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("root:"), "{}", ended.stderr);
}
