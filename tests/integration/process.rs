//! Tests the program as a process between pipes: what it delivers, when, with how much memory, and
//! how it ends.

use crate::metrics::{address, get};
use crate::support::{
    Ended, Filter, PIECE, assert_same_stream, command, configured, event, golden_input, open, pieces, run,
    set_blocking, shown, until,
};
use std::io::{PipeWriter, Read, Write, pipe};
use std::process::Stdio;

/// Most memory that the program may use, in KiB.
const MEMORY: u64 = 64 << 10;

/// The number in front of `words`.
#[track_caller]
fn number_before(text: &str, words: &str) -> usize {
    let before = text.split(words).next().filter(|before| before.len() < text.len());
    let number = before.and_then(|before| before.trim().rsplit(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no number before {words:?} in {text:?}"))
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn a_line_in_an_idle_pipe_comes_out_at_once() {
    let mut filter = Filter::in_pipes(&[]);
    for i in 0..3 {
        filter.feed(event(i).as_bytes());
        assert_eq!(filter.line(), event(i), "with the pipe still open");
    }
    filter.feed(b"a line of text\n");
    assert_eq!(filter.line(), "{\"message\":\"a line of text\"}\n");
    filter.finish().quietly();
}

#[test]
fn a_line_that_comes_byte_by_byte_comes_out_whole() {
    let mut filter = Filter::in_pipes(&[]);
    for byte in event(1).bytes() {
        filter.feed(&[byte]);
    }
    assert_eq!(filter.line(), event(1));
    filter.finish().quietly();
}

#[test]
fn a_slow_reader_slows_the_writer_and_gets_everything() {
    let count = 50 * 4;
    let mut filter = Filter::in_pipes(&[]);
    let mut made = pieces().take(count);
    let (fed, rest) = filter.feed_until_stuck(&mut made);
    assert!(fed < 16 << 20, "{fed} bytes were taken although nobody reads");
    let idle = filter.memory("VmRSS");
    assert!(idle < MEMORY, "{idle} KiB while the reader reads nothing");
    let writer = filter.feed_apart(std::iter::once(rest).chain(made));
    assert_same_stream(filter.stdout.as_mut().unwrap(), pieces().take(count));
    let highest = filter.memory("VmHWM");
    assert!(highest < MEMORY, "{highest} KiB at its highest");
    drop(writer.join().unwrap());
    assert_eq!(filter.finish().quietly(), b"");
}

#[test]
fn two_hundred_megabytes_take_no_more_memory_than_one() {
    let count = 200 * 4;
    let mut filter = Filter::in_pipes(&[]);
    let writer = filter.feed_apart(pieces().take(count));
    assert_same_stream(filter.stdout.as_mut().unwrap(), pieces().take(count));
    let highest = filter.memory("VmHWM");
    assert!(highest < MEMORY, "{highest} KiB at its highest");
    drop(writer.join().unwrap());
    assert_eq!(filter.finish().quietly(), b"");
}

#[test]
fn zeros_without_end_flow_through_in_flat_memory() {
    let zeros = || std::iter::repeat_n(vec![0; PIECE], 100 * 4);
    let mut filter = Filter::in_pipes(&["--log", "none"]);
    let writer = filter.feed_apart(zeros());
    assert_same_stream(filter.stdout.as_mut().unwrap(), zeros());
    let highest = filter.memory("VmHWM");
    assert!(highest < MEMORY, "{highest} KiB at its highest");
    drop(writer.join().unwrap());
    assert_eq!(filter.finish().quietly(), b"");
}

#[test]
fn what_has_come_of_a_long_line_does_not_wait_for_more() {
    let (_folder, config) = configured("[input]\nmax_line_bytes = 1024\n");
    let mut filter = Filter::in_pipes(&["-c", &config, "--log", "none"]);
    for length in [5_000, 1, 700] {
        filter.feed(&vec![b'x'; length]);
        assert_eq!(filter.bytes(length), vec![b'x'; length], "with the pipe still open");
    }
    filter.finish().quietly();
}

#[test]
fn a_long_line_flows_in_pieces_and_the_next_one_is_analysed() {
    let (_folder, config) = configured("[input]\nmax_line_bytes = 1024\n");
    let mut filter = Filter::in_pipes(&["-c", &config]);
    let long = vec![b'x'; 100_000];
    filter.feed(&long);
    assert_eq!(filter.bytes(long.len()), long, "its end has not come yet");
    filter.feed(b"{\"so\":\"does its end\"}\nnext\n");
    assert_eq!(filter.line(), "{\"so\":\"does its end\"}\n");
    assert_eq!(filter.line(), "{\"message\":\"next\"}\n");
    // A long line that arrives in a single read is not analysed either.
    let long = format!("{}\n", "y".repeat(1025));
    filter.feed(long.as_bytes());
    assert_eq!(filter.line(), long);
    filter.feed(format!("{}\r\nafter", "z".repeat(1023)).as_bytes());
    assert_eq!(filter.line(), format!("{{\"message\":\"{}\"}}\r\n", "z".repeat(1023)));
    let Ended { stdout, stderr, code } = filter.finish();
    assert_eq!((shown(&stdout).as_str(), code), ("{\"message\":\"after\"}", Some(0)));
    assert!(stderr.contains("longer than input.max_line_bytes"), "{stderr}");
}

#[test]
fn odd_chunks_give_the_same_output_with_its_findings() {
    let input = golden_input("loop_opens_goes_on_resolves");
    let whole = run(&["--no-shipped-rules"], &input).quietly();
    assert!(whole.len() > input.len(), "there is no finding to be lost");
    for sizes in [&[1, 2, 3, 5, 7, 11, 13][..], &[4096, 1, 64], &[65_536]] {
        let mut filter = Filter::in_pipes(&["--no-shipped-rules"]);
        let mut sizes = sizes.iter().cycle();
        let (mut rest, mut chunks) = (&input[..], Vec::new());
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            chunks.push(chunk.to_vec());
            rest = later;
        }
        let writer = {
            let mut stdin = filter.stdin.take().unwrap();
            std::thread::spawn(move || {
                for chunk in chunks {
                    stdin.write_all(&chunk).unwrap();
                    // Waits until this chunk was read, so that the program most likely reads the
                    // next one separately.
                    until("reading", || (rustix::io::ioctl_fionread(&stdin).unwrap() == 0).then_some(()));
                }
            })
        };
        let got = filter.finish().quietly();
        writer.join().unwrap();
        assert!(got == whole, "output depends on how input was cut");
    }
}

#[test]
fn pipes_that_do_not_block_deliver_everything() {
    let ((child_reads, we_write), (we_read, child_writes)) = (pipe().unwrap(), pipe().unwrap());
    set_blocking(&child_reads, false);
    set_blocking(&child_writes, false);
    let mut filter = Filter::between(&[], child_reads, we_write, we_read, child_writes);
    let count = 20 * 4;
    let mut made = pieces().take(count);
    // A non-blocking write fails when the pipe is full.
    let (_, rest) = filter.feed_until_stuck(&mut made);
    let writer = filter.feed_apart(std::iter::once(rest).chain(made));
    assert_same_stream(filter.stdout.as_mut().unwrap(), pieces().take(count));
    // A non-blocking read fails when the pipe is empty.
    let mut stdin = writer.join().unwrap();
    stdin.write_all(b"{\"last\":1}\n").unwrap();
    assert_eq!(filter.line(), "{\"last\":1}\n");
    drop(stdin);
    assert_eq!(filter.finish().quietly(), b"");
}

#[test]
fn no_input_is_no_output() {
    assert_eq!(run(&[], b"").quietly(), b"");
    let mut null = command(&[]);
    null.stdin(open("/dev/null")).stdout(Stdio::piped());
    assert_eq!(Filter::start(&mut null).finish().quietly(), b"");
    assert_eq!(Filter::in_pipes(&[]).finish().quietly(), b"");
}

#[test]
fn regular_files_work_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("in"), folder.path().join("out"));
    let content: Vec<u8> = pieces().take(8).flatten().collect();
    std::fs::write(&from, &content).unwrap();
    let mut command = command(&["run"]);
    command.stdin(open(&from)).stdout(std::fs::File::create(&to).unwrap());
    assert_eq!(Filter::start(&mut command).finish().quietly(), b"");
    assert!(std::fs::read(&to).unwrap() == content, "the file that was written differs");
}

#[test]
fn a_reader_that_was_never_there_costs_every_line() {
    let ((child_reads, mut we_write), (we_read, child_writes)) = (pipe().unwrap(), pipe().unwrap());
    drop(we_read);
    for i in 0..10 {
        we_write.write_all(event(i).as_bytes()).unwrap();
    }
    let mut command = command(&[]);
    let mut filter = Filter::start(command.stdin(child_reads).stdout(child_writes));
    let (status, stderr) = filter.wait();
    assert_eq!(status.code(), Some(74), "{stderr}");
    assert_eq!(number_before(&stderr, "lines that were read are undelivered"), 10, "{stderr}");
    drop(we_write);
}

#[test]
fn a_reader_that_leaves_early_ends_it_with_the_loss_said() {
    let mut filter = Filter::in_pipes(&[]);
    let mut made = pieces().take(100 * 4);
    let (fed, _) = filter.feed_until_stuck(&mut made);
    let read = filter.line();
    assert_eq!(read, event(0));
    drop(filter.stdout.take());
    let (status, stderr) = filter.wait();
    assert_eq!(status.code(), Some(74), "{stderr}");
    let lost = number_before(&stderr, "lines that were read are undelivered");
    let fed_lines = fed / event(0).len() + 1;
    assert!((1..fed_lines).contains(&lost), "{lost} of at most {fed_lines} lines: {stderr}");
}

#[test]
fn a_reader_that_leaves_at_the_end_of_input_is_no_failure() {
    let mut filter = Filter::in_pipes(&[]);
    filter.feed(event(0).as_bytes());
    assert_eq!(filter.line(), event(0));
    drop(filter.stdout.take());
    let ended = filter.finish();
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn sigterm_and_sigint_end_an_open_pipe_with_all_that_was_read_written() {
    for name in ["TERM", "INT"] {
        let mut filter = Filter::in_pipes(&[]);
        // One write is read at once, so when the first line is out, the unfinished one has been
        // read too.
        filter.feed(format!("{}{}an unfinished line", event(0), event(1)).as_bytes());
        assert_eq!(filter.line(), event(0));
        filter.signal(name);
        let open = filter.stdin.take();
        let Ended { stdout, stderr, code } = filter.finish();
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{name}");
        let rest = format!("{}{}", event(1), "{\"message\":\"an unfinished line\"}");
        assert_eq!(shown(&stdout), shown(rest.as_bytes()), "{name}");
        drop(open);
    }
}

#[test]
fn a_signal_ends_an_idle_pipe_that_never_spoke() {
    let mut filter = Filter::in_pipes(&["--metrics", "127.0.0.1:0"]);
    // The program handles signals before it reports readiness; earlier, a signal would kill it.
    let address = address(&filter);
    until("readiness", || get(&address, "/readyz").0.eq(&200).then_some(()));
    filter.signal("TERM");
    let open = filter.stdin.take();
    let ended = filter.finish();
    assert_eq!((ended.code, ended.stdout.len()), (Some(0), 0), "{}", ended.stderr);
    drop(open);
}

/// Starts a program whose output nobody reads, and which has read all that it can. Returns how many
/// bytes were written to its input.
fn stuck(args: &[&str]) -> (Filter, usize) {
    let mut filter = Filter::in_pipes(args);
    let (fed, _) = filter.feed_until_stuck(&mut pieces().take(100 * 4));
    (filter, fed)
}

/// How many of `fed` bytes the program, which has ended, has read from the pipe.
fn taken(fed: usize, stdin: &PipeWriter) -> usize {
    fed - rustix::io::ioctl_fionread(stdin).unwrap() as usize
}

/// Asserts that the reported loss is the true one, or greater by what one write had already put
/// into the pipe.
#[track_caller]
fn assert_loss(mut filter: Filter, fed: usize, why: &str) {
    let (status, stderr) = filter.wait();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&format!("ended by {why}")), "{stderr}");
    let said = number_before(&stderr, "lines read and not delivered");
    let mut delivered = Vec::new();
    filter.stdout.take().unwrap().read_to_end(&mut delivered).unwrap();
    let taken: Vec<u8> = pieces().flatten().take(taken(fed, filter.stdin.as_ref().unwrap())).collect();
    assert!(taken.starts_with(&delivered), "what was delivered is not what came first");
    let lost = lines(&taken) - lines(&delivered);
    assert!(said >= lost, "{lost} lines are lost, {said} were said to be");
    assert!(said <= lost + 2 * PIECE / event(0).len(), "{lost} lines are lost, {said} were said to be");
}

#[test]
fn a_second_sigterm_ends_a_stuck_one() {
    let (filter, fed) = stuck(&["--metrics", "127.0.0.1:0"]);
    let address = address(&filter);
    filter.signal("TERM");
    // Two equal signals can merge into one; the filter has handled the first once it is no longer
    // ready.
    until("stopping", || get(&address, "/readyz").0.eq(&503).then_some(()));
    filter.signal("TERM");
    assert_loss(filter, fed, "a second signal");
}

#[test]
fn sigint_behind_sigterm_ends_a_stuck_one() {
    let (filter, fed) = stuck(&[]);
    filter.signal("TERM");
    filter.signal("INT");
    assert_loss(filter, fed, "a second signal");
}

#[test]
fn a_stuck_one_ends_by_itself_after_the_shutdown_timeout() {
    let (_folder, config) = configured("[output]\nshutdown_timeout = \"200ms\"\n");
    let (filter, fed) = stuck(&["-c", &config]);
    filter.signal("TERM");
    assert_loss(filter, fed, "output.shutdown_timeout");
}

#[test]
fn a_slow_reader_after_a_signal_still_gets_all_that_was_read() {
    let (mut filter, fed) = stuck(&[]);
    filter.signal("TERM");
    let stdin = filter.stdin.take().unwrap();
    let got = filter.finish().stdout;
    let taken: Vec<u8> = pieces().flatten().take(taken(fed, &stdin)).collect();
    assert!(got == taken, "{} bytes were read, {} other ones written", taken.len(), got.len());
}

/// A log line and the stack trace that follows it.
const TRACE: &str = "2026-01-02 03:04:05 ERROR [main] c.f.Queue - cannot take\njava.io.IOException: closed\n\tat c.f.Queue.take(Queue.java:42)\n\t... 3 more\n";

#[test]
fn a_joined_trace_leaves_once_input_is_idle_and_at_once_when_a_line_follows() {
    let (_folder, config) = configured("[input]\njoin = true\n");
    let mut filter = Filter::in_pipes(&["-c", &config]);
    filter.feed(TRACE.as_bytes());
    let event: serde_json::Value = serde_json::from_str(&filter.line()).unwrap();
    let (first, rest) = event["message"].as_str().unwrap().split_once('\n').unwrap();
    assert_eq!((first, rest.lines().count()), ("cannot take", 3), "{event}");
    filter.finish().quietly();

    let (_folder, patient) = configured("[input]\njoin = true\njoin_timeout = \"60s\"\n");
    let mut filter = Filter::in_pipes(&["-c", &patient]);
    filter.feed(TRACE.as_bytes());
    filter.feed(b"{\"message\":\"what follows\"}\n");
    assert!(filter.line().contains("Queue.java:42"));
    assert_eq!(filter.line(), "{\"message\":\"what follows\"}\n");
    // Lines that are held back leave when the input ends.
    filter.feed(TRACE.as_bytes());
    let last = String::from_utf8(filter.finish().quietly()).unwrap();
    assert!(last.contains("3 more") && last.lines().count() == 1, "{last}");
}

#[test]
fn lines_of_a_trace_stay_apart_by_default() {
    let (_folder, config) = configured("[input]\njoin = true\n");
    let text = TRACE.repeat(50) + "a last line\n";
    assert_eq!(lines(&run(&["-c", &config], text.as_bytes()).quietly()), 51);
    // The same trace fifty times is a loop, which the log says.
    let unlogged = ["--log", "none"];
    assert_eq!(lines(&run(&unlogged, text.as_bytes()).quietly()), 201);
    assert_eq!(run(&["--log", "none", "--text", "raw"], text.as_bytes()).quietly(), text.as_bytes());
    let refused = run(&["-c", &config, "--text", "raw"], b"");
    assert!(refused.code == Some(78) && refused.stderr.contains("input.join"), "{refused:?}");
}
