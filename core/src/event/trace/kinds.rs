//! Traces as programs write them, a table a family: what goes on (`>`), what is an event of its own
//! (`|`), which exception it is of and how many frames it has.

use super::{Begin, StackReader, TraceState, stack_in, step};

/// The program, the exception, the frames, the lines.
type Kind = (&'static str, &'static str, u32, &'static str);

const JAVA: &[Kind] = &[
    (
        "uncaught, with a cause",
        "java.lang.IllegalStateException",
        4,
        "|Exception in thread \"main\" java.lang.IllegalStateException: outer
>\tat com.foo.App.main(App.java:9)
>Caused by: java.sql.SQLException: inner
>\tat com.foo.Dao.get(Dao.java:5)
>\t... 12 more
>\tSuppressed: java.io.IOException: close
>\t\tat com.foo.Dao.close(Dao.java:8)
>\t\t... 3 more
>\t[CIRCULAR REFERENCE: java.lang.IllegalStateException: outer]
>Wrapped by: a.b.CException: d
>\tat a.b.C.d(C.java:1)
|next",
    ),
    (
        "modules and packaging",
        "com.acme.OrderException",
        4,
        "|com.acme.OrderException: no stock
>\tat app//com.acme.Order.take(Order.java:12)
>\tat java.base/java.lang.Thread.run(Thread.java:833)
>\tat java.base@17.0.2/java.lang.Thread.sleep(Native Method)
>\tat org.slf4j.Log.error(Log.java:7) ~[slf4j-api-1.7.jar:1.7.36]
>\t... 34 common frames omitted
|next",
    ),
    (
        "no known suffix",
        "com.acme.Rejected",
        1,
        "|com.acme.Rejected: no
>\tat com.acme.Gate.open(Gate.kt:12)
|next",
    ),
    (
        "kotlin coroutines",
        "kotlinx.coroutines.TimeoutCancellationException",
        4,
        "|Exception in thread \"DefaultDispatcher-worker-1\" kotlinx.coroutines.TimeoutCancellationException: Timed out
>\tat kotlinx.coroutines.TimeoutKt.TimeoutCancellationException(Timeout.kt:184)
>\tat _COROUTINE._BOUNDARY._(CoroutineDebugging.kt:46)
>\t(Coroutine boundary)
>\tat shop.MainKt$load$2.invokeSuspend(Main.kt:12)
>Caused by: kotlinx.coroutines.TimeoutCancellationException: Timed out
>\tat kotlinx.coroutines.TimeoutKt.x(Timeout.kt:1)
|next",
    ),
    (
        "scala",
        "scala.MatchError",
        3,
        "|scala.MatchError: 7 (of class java.lang.Integer)
>\tat Main$.$anonfun$main$1(Main.scala:8)
>\tat scala.collection.immutable.List.map(List.scala:246)
>\tat map @ example.Main$.run(Main.scala:5)
|next",
    ),
    (
        "a thread dump's locks",
        "java.lang.Exception",
        2,
        "|java.lang.Exception: here
>\tat a.B.c(B.java:1)
>\t- locked <0x00000000c0> (a java.lang.Object)
>\tat a.B.d(B.java:2)
|next",
    ),
];

const DOTNET: &[Kind] = &[
    (
        "uncaught",
        "System.NullReferenceException",
        2,
        "|Unhandled exception. System.NullReferenceException: Object reference not set
>   at Shop.Cart.Add(Item item) in C:\\src\\Cart.cs:line 31
>   at Shop.Program.<Main>$(String[] args)
|next",
    ),
    (
        "framework",
        "System.IO.FileNotFoundException",
        1,
        "|Unhandled Exception: System.IO.FileNotFoundException: Could not find file
>   at System.IO.__Error.WinIOError(Int32 errorCode, String maybeFullPath)
|next",
    ),
    (
        "console logger",
        "System.InvalidOperationException",
        3,
        "|      System.InvalidOperationException: no
>       ---> System.TimeoutException: late
>         at Shop.Db.Ask() in /src/Db.cs:line 3
>         --- End of inner exception stack trace ---
>         at Shop.Db.Run[T](Func`1 f)
>      --- End of stack trace from previous location where exception was thrown ---
>         at Shop.Api.Get()
|next",
    ),
    (
        "german",
        "System.DivideByZeroException",
        2,
        "|System.DivideByZeroException: Es wurde versucht, durch 0 zu teilen.
>   bei Shop.Preis.Teile(Int32 n) in C:\\src\\Preis.cs:Zeile 7.
>--- Ende der internen Ausnahmestapelüberwachung ---
>   bei Shop.Programm.Main(String[] args)
|next",
    ),
    (
        "french",
        "System.FormatException",
        1,
        "|System.FormatException: Le format de la chaîne d'entrée est incorrect.
>   à System.Number.StringToNumber(String str, NumberStyles options)
|next",
    ),
    (
        "spanish",
        "System.Exception",
        1,
        "|System.Exception: mal
>   en Tienda.Carro.Anadir(String cosa) en C:\\x.cs:línea 3
|next",
    ),
    (
        "chinese",
        "System.Net.Sockets.SocketException",
        2,
        "|System.Net.Sockets.SocketException: 由于目标计算机积极拒绝，无法连接。
>   在 System.Net.Sockets.Socket.DoConnect(EndPoint endPoint)
>   --- 内部异常堆栈跟踪的结尾 ---
>   在 Shop.Db.Open() 位置 C:\\src\\Db.cs:行号 12
|next",
    ),
    (
        "japanese",
        "System.ArgumentException",
        1,
        "|System.ArgumentException: 値が有効な範囲にありません。
>   場所 Shop.Cart.Add(String x) 場所 C:\\src\\Cart.cs:行 9
|next",
    ),
];

const NODE: &[Kind] = &[
    (
        "uncaught, with its source line",
        "TypeError",
        2,
        "|/app/server.js:12
>    cart.add(item);
>         ^
>
>TypeError: cart.add is not a function
>    at handle (/app/server.js:12:10)
>    at node:internal/main/run_main_module:23:47
>
>Node.js v20.11.0
|next",
    ),
    (
        "properties and a cause",
        "Error",
        3,
        "|Error: connect ECONNREFUSED 127.0.0.1:5432
>    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1555:16) {
>  errno: -111,
>  code: 'ECONNREFUSED',
>  [cause]: Error: refused
>      at Socket.open (/app/db.js:3:1)
>      at async Pool.get (/app/db.js:9:5)
>}
|next",
    ),
    (
        "a rejection",
        "Error",
        1,
        "|node:internal/process/promises:288
>            triggerUncaughtException(err, true /* fromPromise */);
>            ^
>
>Error: boom
>    at async main (file:///app/x.mjs:1:7)
>
>Node.js v18.19.0
|next",
    ),
    (
        "a browser",
        "TypeError",
        2,
        "|Uncaught TypeError: t is undefined
>render@https://shop.example/app.js:2:311
>@https://shop.example/app.js:9:1
|next",
    ),
    (
        "not caught in a promise",
        "ReferenceError",
        1,
        "|Uncaught (in promise) ReferenceError: x is not defined
>    at https://shop.example/app.js:3:7
|next",
    ),
    (
        "typescript",
        "AssertionError",
        1,
        "|AssertionError [ERR_ASSERTION]: no
>    at Object.<anonymous> (/app/src/x.ts:3:9)
|next",
    ),
];

const PYTHON: &[Kind] = &[
    (
        "one word",
        "KeyError",
        1,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 12, in main
>    table[name]
>    ~~~~~^^^^^^
>KeyError: 1
|next",
    ),
    (
        "an exception of the program",
        "myapp.errors.Oops",
        1,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 12, in main
>myapp.errors.Oops
|next",
    ),
    (
        "interrupted",
        "KeyboardInterrupt",
        1,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 12, in main
>    time.sleep(1)
>KeyboardInterrupt
|next",
    ),
    (
        "defined in a function",
        "__main__.run.<locals>.Stop",
        1,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 12, in main
>__main__.run.<locals>.Stop: now
|next",
    ),
    (
        "recursion",
        "RecursionError",
        2,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 2, in f
>    f()
>  [Previous line repeated 975 more times]
>  File \"/app/x.py\", line 3, in f
>RecursionError: maximum recursion depth exceeded
|next",
    ),
    (
        "chained",
        "requests.exceptions.ConnectionError",
        2,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 2, in f
>OSError: refused
>
>The above exception was the direct cause of the following exception:
>
>Traceback (most recent call last):
>  File \"/app/x.py\", line 5, in g
>requests.exceptions.ConnectionError: refused
|next",
    ),
    (
        "a group",
        "ExceptionGroup",
        3,
        "|  + Exception Group Traceback (most recent call last):
>  |   File \"/app/x.py\", line 9, in main
>  |     raise ExceptionGroup(\"both\", errors)
>  | ExceptionGroup: both (2 sub-exceptions)
>  +-+---------------- 1 ----------------
>    | Traceback (most recent call last):
>    |   File \"/app/x.py\", line 3, in a
>    | ValueError: a
>    +---------------- 2 ----------------
>    | Traceback (most recent call last):
>    |   File \"/app/x.py\", line 5, in b
>    | TypeError: b
>    +------------------------------------
|next",
    ),
    (
        "a thread",
        "ValueError",
        1,
        "|Exception in thread Thread-1 (work):
>Traceback (most recent call last):
>  File \"/app/x.py\", line 2, in work
>ValueError: bad
|next",
    ),
    (
        "a level is no exception",
        "",
        1,
        "|Traceback (most recent call last):
>  File \"/app/x.py\", line 2, in work
|INFO: started",
    ),
];

const GO: &[Kind] = &[
    (
        "recovered, and again",
        "panic",
        1,
        "|panic: first [recovered]
>\tpanic: second
>
>goroutine 1 [running]:
>main.main.func1()
>\t/src/main.go:8 +0x1d
|next",
    ),
    (
        "of a server",
        "panic",
        3,
        "|http: panic serving 10.0.0.1:51312: boom
>goroutine 34 [running]:
>net/http.(*conn).serve.func1()
>\t/usr/local/go/src/net/http/server.go:1868 +0xb0
>panic({0x6b2e40?, 0xc00001e0f0?})
>\t/usr/local/go/src/runtime/panic.go:920 +0x270
>created by net/http.(*Server).Serve in goroutine 1
>\t/usr/local/go/src/net/http/server.go:3086 +0x5cc
|next",
    ),
    (
        "a map written by two",
        "panic",
        2,
        "|fatal error: concurrent map writes
>
>goroutine 18 [running]:
>main.add(...)
>\t/src/main.go:12
>main.main.func2()
>\t/src/main.go:20 +0x45
>exit status 2
|next",
    ),
    (
        "a signal in C",
        "panic",
        1,
        "|SIGSEGV: segmentation violation
>PC=0x7f8a m=0 sigcode=1
>signal arrived during cgo execution
>
>goroutine 1 [syscall]:
>runtime.cgocall(0x4b1, 0xc00)
>\t/usr/local/go/src/runtime/cgocall.go:157 +0x5c
>
>rax    0x0
>rip    0x7f8a
>exit status 2
|next",
    ),
    (
        "a stack that overflows",
        "panic",
        1,
        "|runtime: goroutine stack exceeds 1000000000-byte limit
>sp=0xc020160390 stack=[0xc020160000, 0xc040160000]
>fatal error: stack overflow
>
>runtime stack:
>runtime.throw({0x46, 0xe})
>\t/usr/local/go/src/runtime/panic.go:1077 +0x48
>...additional frames elided...
|next",
    ),
    (
        "with a signal",
        "panic",
        1,
        "|panic: runtime error: invalid memory address or nil pointer dereference
>[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x6f2a31]
>
>goroutine 1 [running]:
>main.load(...)
>\t/src/main.go:57
|next",
    ),
    (
        "generic",
        "panic",
        2,
        "|panic: no
>
>goroutine 7 gp=0xc0001 m=3 mp=0xc02 [running]:
>main.Map[...](0xc00)
>\t/src/map.go:3 +0x1
>created by main.start
>\t/src/main.go:3 +0x1
|next",
    ),
];

const RUST: &[Kind] = &[
    (
        "a thread's number",
        "panic",
        2,
        "|thread 'main' (12345) panicked at src/main.rs:2:5:
>assertion `left == right` failed: sizes
>  left: 1
> right: 2
>stack backtrace:
>   0: rust_begin_unwind
>             at /rustc/1a/library/std/src/panicking.rs:645:5
|next",
    ),
    (
        "no backtrace",
        "panic",
        0,
        "|thread 'tokio-runtime-worker' panicked at src/pool.rs:9:14:
>called `Option::unwrap()` on a `None` value
>note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
|next",
    ),
    (
        "before 1.73",
        "panic",
        0,
        "|thread '<unnamed>' panicked at 'boom', src/main.rs:3:9
>note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
|next",
    ),
    (
        "anyhow",
        "Error",
        2,
        "|Error: cannot start
>
>Caused by:
>    0: cannot read the file
>    1: No such file or directory (os error 2)
|next",
    ),
    (
        "overflow",
        "",
        0,
        "|thread 'main' has overflowed its stack
>fatal runtime error: stack overflow
|next",
    ),
];

const OTHERS: &[Kind] = &[
    (
        "ruby",
        "RuntimeError",
        2,
        "|app.rb:3:in 'run': no stock (RuntimeError)
>\tfrom app.rb:9:in 'block in main'
>\tfrom app.rb:12:in '<main>'
|next",
    ),
    (
        "ruby 2",
        "Shop::Oops",
        2,
        "|app.rb:3:in `run': no stock (Shop::Oops)
>\tfrom app.rb:9:in `each'
>\t ... 3 levels...
>\tfrom app.rb:12:in `<main>'
|next",
    ),
    (
        "rails",
        "ActiveRecord::RecordNotFound",
        2,
        "|ActiveRecord::RecordNotFound (Couldn't find Cart with id=3):
>
>app/controllers/carts_controller.rb:7:in `show'
>lib/middleware.rb:20:in `call'
|next",
    ),
    (
        "php",
        "App\\OrderException",
        2,
        "|PHP Fatal error:  Uncaught App\\OrderException: no stock in /app/src/Order.php:12
>Stack trace:
>#0 /app/src/Cart.php(31): App\\Order->take(Object(App\\Item))
>#1 {main}
>  thrown in /app/src/Order.php on line 12
|next",
    ),
    (
        "php, to the page",
        "TypeError",
        2,
        "|Fatal error: Uncaught TypeError: f(): Argument #1 in /app/x.php:3
>Stack trace:
>#0 [internal function]: f('a')
>#1 {main}
>
>Next RuntimeException: y in /app/x.php:7
>Stack trace:
|next",
    ),
    (
        "elixir",
        "RuntimeError",
        2,
        "|** (RuntimeError) boom
>    (shop 0.1.0) lib/shop/cart.ex:12: Shop.Cart.add/2
>    (stdlib 4.2) gen_server.erl:1123: :gen_server.try_dispatch/4
>Last message: :work
|next",
    ),
    (
        "erlang",
        "",
        0,
        "|=CRASH REPORT==== 2-Mar-2026::08:00:00.123456 ===
>  crasher:
>    initial call: shop_cart:init/1
>    exception error: no match of right hand side value
|next",
    ),
    (
        "c++",
        "",
        0,
        "|terminate called after throwing an instance of 'std::runtime_error'
>  what():  boom
>Aborted (core dumped)
|next",
    ),
    (
        "sanitizer",
        "",
        2,
        "|==7==ERROR: AddressSanitizer: heap-use-after-free on address 0x602 at pc 0x4f
>    #0 0x4f8a in use /src/x.c:3:2
>    #1 0x7f21 in main /src/x.c:9
>SUMMARY: AddressSanitizer: heap-use-after-free /src/x.c:3:2 in use
|next",
    ),
    (
        "dart",
        "",
        1,
        "|Unhandled exception:
>#0      main (package:shop/main.dart:5:3)
><asynchronous suspension>
|next",
    ),
    (
        "swift",
        "",
        1,
        "|shop/main.swift:3: Fatal error: Index out of range
>Current stack trace:
>0    libswiftCore.so   0x00007f2a swift_reportFatalError + 56
|next",
    ),
    (
        "a java machine",
        "",
        0,
        "|# A fatal error has been detected by the Java Runtime Environment:
>#
>#  SIGSEGV (0xb) at pc=0x00007f, pid=7, tid=8
|next",
    ),
];

/// What looks like a trace and is none.
const QUIET: &[&str] = &[
    "at last (finally) we are done",
    "  at noon: 12 orders",
    "  in short (see above)",
    "  bei Fragen (siehe oben)",
    "#1 choice (of many)",
    "#12 merged: at last",
    "  #0 of 3 parts",
    "panicked customers called",
    "goroutine pool [small]: 3",
    "thread 'x' started (12)",
    "Caused by a typo",
    "  Suppressed nothing",
    "from app.rb to app.py",
    "Errors: 3",
    "Error rate 3 %",
    "TypeErrors are counted",
    "Tracebacks are kept for a week",
    "** important **",
    "== end of report ==",
    "terminated by user",
    "note: run with --verbose",
    "  lib/x.ex was changed",
    "/app/server.js was loaded",
    "/var/log/app.log:3",
    "listening on http://0.0.0.0:8080",
    "served /index.js:12 ms",
    "... 5 of 9 done",
    "--- a/file.rs",
    "Stack traces are off",
    "fatality: none",
];

#[test]
fn each_kind_is_one_event() {
    let kinds = [JAVA, DOTNET, NODE, PYTHON, GO, RUST, OTHERS];
    let wrong: String = kinds.into_iter().flatten().filter_map(wrong_with).collect();
    assert!(wrong.is_empty(), "{wrong}");
}

fn wrong_with((kind, exception, frames, text): &Kind) -> Option<String> {
    let (mut state, mut reader) = (TraceState::Outside, None::<StackReader>);
    for written in text.lines() {
        let (mark, line) = written.split_at(1);
        let (line, was) = (line.as_bytes(), state);
        let step = step(state, line);
        state = step.place;
        let taken = reader.as_mut().map_or(step.continues, |reader| reader.take(line));
        if step.continues != (mark == ">") || taken != step.continues {
            return Some(format!("{kind}: {written:?} at {was:?}\n"));
        }
        reader.get_or_insert_with(|| StackReader::new(line));
    }
    let stack = reader?.stack();
    // The same lines in one field say the same.
    let lines: Vec<_> = text.lines().map(|line| &line[1..]).collect();
    let inside = stack_in(lines[..lines.len() - 1].join("\n").as_bytes());
    let right = (stack.exception.as_str(), stack.frames) == (*exception, *frames)
        && inside == (*frames > 0).then_some(stack.clone());
    (!right).then(|| format!("{kind}: {stack:?}, in a field {inside:?}\n"))
}

#[test]
fn talk_is_no_trace() {
    let mut wrong = String::new();
    for line in QUIET {
        let behind = |place| step(place, line.as_bytes());
        let indented = line.starts_with(' ');
        let states = [TraceState::At, TraceState::PythonEnd, TraceState::Numbered, TraceState::Ruby];
        let begins = behind(TraceState::Outside).begins;
        if begins != Begin::No
            || behind(TraceState::Outside).continues
            || (!indented && states.into_iter().any(|place| behind(place).continues))
        {
            wrong += &format!("{line:?}: {begins:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_an_exception_says_may_have_several_lines() {
    let stack =
        stack_in(b"a.B: x\norg.x.FooException: one\ntwo\nthree\n\tat a.B.c(B.java:4)\nmore\n\tat a.B.d(B.java:5)")
            .unwrap();
    assert_eq!((stack.exception.as_str(), stack.frames), ("org.x.FooException", 2));
}
