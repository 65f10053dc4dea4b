use super::*;

/// `>` goes on with the event before it, `|` is an event of its own.
const TRACES: &[(&str, &str, &str)] = &[
    (
        "java",
        "java.lang.IllegalStateException",
        "|2026-03-02 08:00:01 ERROR [main] c.f.Queue - java.lang.IllegalStateException: closed
>\tat com.foo.Queue.take(Queue.java:42)
>\tat com.foo.Worker$$Lambda$14/0x0000000800c8.run(Unknown Source)
>\tat java.base/java.lang.Thread.run(Thread.java:833)
>\tSuppressed: java.lang.Exception: close failed
>\t\tat com.foo.Queue.close(Queue.java:99)
>Caused by: java.io.IOException: no space
>\tat com.foo.Disk.write(Disk.java:7) ~[disk.jar:1.2]
>\t... 23 more
>\t... 12 common frames omitted
|2026-03-02 08:00:02 INFO next",
    ),
    (
        "python",
        "KeyError",
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 12, in main
>    load(name)
>    ^^^^^^^^^^
>  File \"/app/y.py\", line 3, in load
>    return table[name]
>ValueError: bad
>
>During handling of the above exception, another exception occurred:
>
>Traceback (most recent call last):
>  File \"/app/z.py\", line 1, in f
>KeyError: 'x'
|next",
    ),
    (
        "go",
        "panic",
        "|panic: runtime error: index out of range [5] with length 3
>
>goroutine 1 [running]:
>main.(*T).Run(0xc0000140a0, 0x5)
>\t/src/main.go:8 +0x1d
>main.main()
>\t/src/main.go:14 +0x20
>created by main.start in goroutine 7
>\t/src/main.go:3 +0x1
>exit status 2
|next line",
    ),
    (
        "rust",
        "panic",
        "|thread 'main' panicked at src/main.rs:2:5:
>index out of bounds: the len is 3
>stack backtrace:
>   0: rust_begin_unwind
>             at /rustc/1a/library/std/src/panicking.rs:645:5
>   1: core::panicking::panic_fmt
>note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
|next",
    ),
    (
        "dotnet",
        "System.InvalidOperationException",
        "|Unhandled exception. System.InvalidOperationException: outer
> ---> System.IO.IOException: inner
>   at Foo.Disk.Write(String path, Int32 n) in /src/Disk.cs:line 12
>   --- End of inner exception stack trace ---
>   at Foo.Map`2.Get[T](T key)
>   at Program.Main()
>--- End of stack trace from previous location ---
|next",
    ),
    (
        "node",
        "TypeError",
        "|TypeError: x is not a function
>    at Object.<anonymous> (/app/index.js:3:5)
>    at new Pool (/app/pool.js:1:1)
>    at async Promise.all (index 0)
>    at node:internal/main/run_main_module:23:47
>    at /app/late.js:10:2
>  code: 'ENOENT',
>  [cause]: Error: disk
>}
|next",
    ),
    (
        "none",
        "",
        "|at the end of the day
|   at the end of the day (really)
|   indented: text
|Caused nothing
|... and 3 more
|   ... and so on
|goroutine pool started
|ValueError: bad
|ValueError: bad
|thread 'x' started
|main.main()
|exit status 2
|}
|
|   at 10:30 all was well",
    ),
];

#[test]
fn lines_go_on_with_a_trace_or_do_not() {
    for (language, name, trace) in TRACES {
        let (mut place, mut reader, mut last): (_, Option<StackReader>, &[u8]) = (TraceState::Outside, None, b"");
        for written in trace.lines() {
            let (mark, line) = written.split_at(1);
            let step = step(place, line.as_bytes());
            assert_eq!(step.continues, mark == ">", "{language}: {line:?} at {place:?}");
            place = step.place;
            if step.continues {
                let reader = reader.get_or_insert_with(|| StackReader::new(last));
                assert!(reader.take(line.as_bytes()) && reader.place() == place, "{language}: {line:?}");
            }
            last = if reader.is_none() { line.as_bytes() } else { last };
        }
        let stack = reader.map(|reader| reader.stack()).unwrap_or_default();
        let short = name.rsplit('.').next().unwrap();
        assert!(stack.exception == *name || stack.exception == short || *language == "java", "{language}: {stack:?}");
        assert!(stack.frames > 0 || *language == "none", "{language}");
    }
}

#[test]
fn a_trace_in_one_field_is_read_with_lines_masked() {
    let at = |line: u32, name: &str| {
        format!("boom\n{name}: x\n\tat a.B.c(B.java:{line})\n\tat a.D.e$14/0x00{line}f(D.java:1)\nmore")
    };
    let stack = stack_in(at(4, "a.FooException").as_bytes());
    assert_eq!(stack, stack_in(at(19, "a.FooException").as_bytes()));
    assert_ne!(stack, stack_in(at(4, "a.BarException").as_bytes()));
    assert_eq!(stack.map(|stack| (stack.exception, stack.frames)), Some(("a.FooException".into(), 2)));
    for none in ["", "\n\n", "one line", "first\nsecond", "a.FooException: x\nand so on", "x\n  indented"] {
        assert_eq!(stack_in(none.as_bytes()), None, "{none:?}");
    }
}

#[test]
fn exceptions_are_named() {
    for (line, name) in [
        ("java.net.ConnectException: refused", Some("java.net.ConnectException")),
        ("Exception in thread \"main\" java.lang.OutOfMemoryError: heap", Some("java.lang.OutOfMemoryError")),
        ("Caused by: a.b.C$DException", Some("a.b.C$DException")),
        ("ValueError", Some("ValueError")),
        ("TypeError [ERR_X]: y", Some("TypeError")),
        ("thread 'main' panicked at a.rs:1:1:", Some("panic")),
        ("Error rate is high", None),
        ("an Exception: x", None),
        ("error: x", None),
        ("no_Exception: x", None),
        ("", None),
    ] {
        assert_eq!(exception(line.as_bytes()), name, "{line}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(lines in proptest::collection::vec("[ \\tat(.:)0-9A-Ec\\-]{0,20}", 0..20)) {
        let text = lines.join("\n");
        let _ = stack_in(text.as_bytes());
        let mut place = TraceState::Outside;
        for line in &lines {
            place = step(place, line.as_bytes()).place;
        }
    }
}
