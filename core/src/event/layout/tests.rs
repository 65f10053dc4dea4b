use proptest::prelude::*;

use super::*;

/// Line, layout, time, level, message, members as `name=value`, whether a header is kept.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str, bool);

const T: &str = "2026-01-02T03:04:05Z";
const MS: &str = "2026-01-02T03:04:05.678Z";
const US: &str = "2026-01-02T03:04:05.678901Z";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Syslog.
    ("Jan  2 03:04:05 web1 sshd[42]: session opened", "syslog", T, "", "session opened", "host=web1 module=sshd pid=42", false),
    ("Jan  2 03:04:05 web1 sudo(pam_unix)[42]: opened", "syslog", T, "", "opened", "host=web1 module=sudo(pam_unix) pid=42", false),
    ("Jan  2 03:04:05 web1 /usr/sbin/cron[42]: run", "syslog", T, "", "run", "host=web1 module=/usr/sbin/cron pid=42", false),
    ("Jan  2 03:04:05 web1 kernel:  indented", "syslog", T, "", " indented", "host=web1 module=kernel", false),
    ("Jan  2 03:04:05 web1 rotor: [ERROR] no space", "syslog", T, "ERROR", "[ERROR] no space", "host=web1 module=rotor", false),
    ("Jan  2 03:04:05 web1 last message repeated 3 times", "syslog", T, "", "last message repeated 3 times", "host=web1", false),
    ("Jan  2 03:04:05 web1 logd 1.2.3: restart", "syslog", T, "", "restart", "host=web1 module=logd version=1.2.3", false),
    ("Jan  2 03:04:05 web1 disk0 : found", "syslog", T, "", "found", "host=web1 module=disk0", false),
    ("Jan  2 03:04:05 web1 launcher[1] (com.example.job[7]): exited", "syslog", T, "", "exited", "host=web1 module=launcher pid=1 context=com.example.job[7]", false),
    ("Jan  2 03:04:05 web1 launcher[1] <Warning>: slow", "syslog", T, "WARN", "slow", "host=web1 module=launcher pid=1", false),
    ("Jan  2 03:04:05 web1 Text Editor[9]: saved", "syslog", T, "", "saved", "host=web1 module=Text Editor pid=9", false),
    ("Jan  2 03:04:05 app[9]: no host", "syslog", T, "", "no host", "module=app pid=9", false),
    ("Jan  2 03:04:05 web1 daemon.warn dnsd[9]: slow", "syslog", T, "WARN", "slow", "host=web1 module=dnsd pid=9", false),
    ("Jan  2 03:04:05 node1 agent[9]: E0102 03:04:05.678901 9 a.go:1] lost", "syslog", US, "ERROR", "lost", "host=node1 module=agent pid=9 thread=9 file=a.go line=1", true),
    ("*Jan  2 03:04:05.678: %LINK-3-UPDOWN: Interface down", "cisco", MS, "ERROR", "Interface down", "module=%LINK-3-UPDOWN", true),
    ("<165>Jan  2 03:04:05 web1 app[42]: hello", "syslog", T, "INFO", "hello", "host=web1 module=app pid=42 pri=165", false),
    ("<11>Jan  2 03:04:05 web1 app: hello", "syslog", T, "ERROR", "hello", "host=web1 module=app pri=11", false),
    ("<34>1 2026-01-02T03:04:05.678Z web1 app 42 ID47 [x@1 a=\"]\"] hello", "syslog", MS, "FATAL", "hello", "host=web1 module=app pid=42 msgid=ID47 structured_data=[x@1 a=\"]\"] version=1 pri=34", false),
    ("<14>1 - - - - - - hello", "syslog", "", "INFO", "hello", "version=1 pri=14", false),
    ("<14>plain text", "syslog", "", "INFO", "plain text", "pri=14", false),
    ("1 2026-01-02T03:04:05Z web1 app 42 - - hello", "syslog", T, "", "hello", "host=web1 module=app pid=42 version=1", false),
    ("2026-01-02T03:04:05.678901+00:00 web1 app[42]: hello", "syslog", US, "", "hello", "host=web1 module=app pid=42", false),
    ("2026-01-02T03:04:05.678901+00:00 web1 app: hello", "syslog", US, "", "hello", "host=web1 module=app", false),
    ("1767323045.678 web1 app[42]: hello", "syslog", MS, "", "hello", "host=web1 module=app pid=42", false),
    ("Jan  2 03:04:05 lb haproxy[9]: 10.0.0.1:34567 [02/Jan/2026:03:04:05.678] front back/s1 1/2/3/4/10 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /x HTTP/1.1\"", "syslog", MS, "",
        "front back/s1 1/2/3/4/10 200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /x HTTP/1.1\"",
        "host=lb module=haproxy pid=9 client=10.0.0.1:34567 frontend=front backend=back server=s1 request_ms=1 queue_ms=2 connect_ms=3 response_ms=4 duration_ms=10 status=200 bytes=2750 termination=---- connections=1/1/1/1/0 queues=0/0 method=GET operation=/x protocol=HTTP/1.1", true),
    // Relayed.
    ("- 1767323045 2026.01.02 n7 Jan 2 03:04:05 n7/n7 crond[42]: hello", "syslog", T, "", "hello", "host=n7/n7 module=crond pid=42", true),
    ("LABEL 1767323045 2026.01.02 R1-M2 2026-01-01-20.04.05.678901 R1-M2 CPU CORE FATAL fan: stopped", "header", US, "FATAL", "fan: stopped", "host=R1-M2 module=CORE", true),
    ("api.log.1 2026-01-02 03:04:05.678 42 INFO a.b.c [req-1 - -] hello", "oslo", MS, "INFO", "hello", "file=api.log.1 pid=42 module=a.b.c request_id=req-1 - -", true),
    ("api_1  | 2026-01-02 03:04:05.678 INFO a.b: hello", "compose", MS, "INFO", "hello", "host=api_1 module=a.b", false),
    ("7001 n-1 net.hw state.up 1767323045 -1 link is up", "columns", T, "", "link is up", "id=7001 node=n-1 module=net.hw state=state.up flag=-1", false),
    // Access logs.
    ("10.0.0.1 - bob [02/Jan/2026:03:04:05 +0000] \"GET /x?y=1 HTTP/1.1\" 200 17", "access", T, "", "GET /x?y=1 HTTP/1.1", "client=10.0.0.1 user=bob method=GET operation=/x?y=1 protocol=HTTP/1.1 status=200 bytes=17", false),
    ("::1 - - [02/Jan/2026:03:04:05 +0000] \"-\" 408 -", "access", T, "", "-", "client=::1 status=408", false),
    ("a.example:80 10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\" 200 17 \"http://r/\" \"Agent \\\"x\\\"\" 0.125", "access", T, "", "GET / HTTP/1.1",
        "vhost=a.example:80 client=10.0.0.1 method=GET operation=/ protocol=HTTP/1.1 status=200 bytes=17 referrer=http://r/ user_agent=Agent \\\"x\\\" request_time=0.125", false),
    ("1767323045.678    180 10.0.0.1 TCP_MISS/200 507 GET http://x/ - DIRECT/1.2.3.4 text/html", "squid", MS, "", "180 10.0.0.1 TCP_MISS/200 507 GET http://x/ - DIRECT/1.2.3.4 text/html",
        "duration_ms=180 client=10.0.0.1 result=TCP_MISS status=200 bytes=507 method=GET operation=http://x/ peer=DIRECT/1.2.3.4 content_type=text/html", false),
    ("2026-01-02 03:04:05 10.0.0.9 GET /x - 443 - 10.0.0.1 Agent - 200 0 0 15", "iis", T, "", "GET /x - 443 - 10.0.0.1 Agent - 200 0 0 15",
        "server=10.0.0.9 method=GET operation=/x port=443 client=10.0.0.1 user_agent=Agent status=200 substatus=0 win32_status=0 duration_ms=15", false),
    // Servers' own logs.
    ("2026/01/02 03:04:05 [error] 42#7: *99 open() failed", "nginx", T, "ERROR", "open() failed", "pid=42 thread=7 connection=99", false),
    ("[Fri Jan 02 03:04:05 2026] [notice] ready", "header", T, "INFO", "ready", "", false),
    ("[Fri Jan 02 03:04:05 2026] [error] [client 10.0.0.1] denied", "apache", T, "ERROR", "[client 10.0.0.1] denied", "client=10.0.0.1", false),
    ("[Fri Jan 02 03:04:05.678901 2026] [core:error] [pid 42:tid 7] [client 10.0.0.1:5] AH00001: denied", "apache", US, "ERROR", "AH00001: denied", "module=core pid=42 thread=7 client=10.0.0.1:5", false),
    ("2026-01-02 03:04:05.678 UTC [42] LOG:  checkpoint", "postgresql", MS, "INFO", "checkpoint", "pid=42", false),
    ("2026-01-02 03:04:05.678 UTC [42] bob@shop ERROR:  no row", "postgresql", MS, "ERROR", "no row", "pid=42 user=bob database=shop", false),
    ("2026-01-02T03:04:05.678901Z 8 [Warning] [MY-010055] [Server] slow", "mysql", US, "WARN", "slow", "thread=8 error_code=MY-010055 module=Server", false),
    ("42:M 02 Jan 2026 03:04:05.678 # full", "redis", MS, "WARN", "full", "pid=42 role=M", false),
    ("2026-01-02T03:04:05.678+0000 I NETWORK  [conn1] end", "mongodb", MS, "INFO", "end", "module=NETWORK thread=conn1", false),
    ("[2026-01-02T03:04:05,678][INFO ][o.e.n.Node               ] [n1] started", "elasticsearch", MS, "INFO", "started", "module=o.e.n.Node node=n1", false),
    ("[2026-01-02 03:04:05,678] INFO [Controller id=1] up (kafka.Controller)", "kafka", MS, "INFO", "[Controller id=1] up", "module=kafka.Controller", false),
    // Containers and Kubernetes.
    ("2026-01-02T03:04:05.678901Z stderr F   hello", "cri", US, "", "  hello", "stream=stderr tag=F", false),
    ("W0102 03:04:05.678901    42 a.go:12] hello", "klog", US, "WARN", "hello", "thread=42 file=a.go line=12", false),
    ("time=\"2026-01-02T03:04:05Z\" level=warning msg=\"a \\\"b\\\"\" id=007 n=1.5", "logfmt", T, "WARN", "a \\\"b\\\"", "id=007 n=1.5", false),
    ("at=info method=GET path=\"/x\"", "logfmt", "", "", "at=info method=GET path=\"/x\"", "at=info method=GET path=/x", false),
    // Java.
    ("2026-01-02 03:04:05.678  INFO 42 --- [main] c.e.App : up", "header", MS, "INFO", "up", "pid=42 thread=main module=c.e.App", false),
    ("2026-01-02T03:04:05.678Z  INFO 42 --- [shop] [main] c.e.App : up", "header", MS, "INFO", "up", "pid=42 application=shop thread=main module=c.e.App", false),
    ("2026-01-02 03:04:05.678  WARN [shop,abc,def] 42 --- [main] c.e.App : up", "header", MS, "WARN", "up", "application=shop trace_id=abc span_id=def pid=42 thread=main module=c.e.App", false),
    ("2026-01-02 03:04:05,678 INFO [main] a.b.C: up", "header", MS, "INFO", "up", "thread=main module=a.b.C", false),
    ("2026-01-02 03:04:05,678 [main] ERROR a.b.C - down", "header", MS, "ERROR", "down", "thread=main module=a.b.C", false),
    ("2026-01-02 03:04:05,678 - WARN  [Peer[id=1]/0:0:Manager@12] - lost", "log4j", MS, "WARN", "lost", "thread=Peer[id=1]/0:0 module=Manager line=12", false),
    ("26/01/02 03:04:05 INFO a.B: up", "header", T, "INFO", "up", "module=a.B", false),
    ("260102 030405 42 INFO a.B$C: up", "header", T, "INFO", "up", "pid=42 module=a.B$C", false),
    ("2026-01-02 03:04:05,678 INFO  [a.b.C] (main) up", "log4j", MS, "INFO", "up", "module=a.b.C thread=main", false),
    ("03:04:05.678 [main] INFO a.b.C - up", "header", "", "INFO", "up", "time_of_day=03:04:05.678 thread=main module=a.b.C", false),
    ("INFO  [2026-01-02 03:04:05,678] a.b.C: up", "header", MS, "INFO", "up", "module=a.b.C", false),
    ("INFO  [main] 2026-01-02 03:04:05,678 C.java:44 - up", "log4j", MS, "INFO", "up", "thread=main file=C.java line=44", false),
    // Python, Ruby, Go, Rust, PHP, Windows.
    ("2026-01-02 03:04:05,678 - a.b - ERROR - down", "python", MS, "ERROR", "down", "module=a.b", false),
    ("2026-01-02 03:04:05 +0000 [42] [INFO] up", "header", T, "INFO", "up", "pid=42", false),
    ("[2026-01-02 03:04:05 +0000] [42] [INFO] up", "header", T, "INFO", "up", "pid=42", false),
    ("[2026-01-02 03:04:05,678: INFO/Main] up", "celery", MS, "INFO", "up", "thread=Main", false),
    ("2026-01-02 03:04:05.678 | INFO     | a.b:run:12 - up", "loguru", MS, "INFO", "up", "module=a.b function=run line=12", false),
    ("WARNING:a.b:slow down", "python", "", "WARN", "slow down", "module=a.b", false),
    ("INFO:     up", "uvicorn", "", "INFO", "up", "", false),
    ("INFO:     10.0.0.1:5 - \"GET /x HTTP/1.1\" 200 OK", "uvicorn", "", "INFO", "10.0.0.1:5 - \"GET /x HTTP/1.1\" 200 OK", "client=10.0.0.1:5 method=GET operation=/x protocol=HTTP/1.1 status=200", false),
    ("I, [2026-01-02T03:04:05.678901 #42]  INFO -- prog: up", "ruby", US, "INFO", "up", "pid=42 module=prog", false),
    ("2026/01/02 03:04:05 a.go:12: up", "header", T, "", "up", "file=a.go line=12", false),
    ("2026/01/02 03:04:05 listening on 80", "header", T, "", "listening on 80", "", false),
    ("2026-01-02T03:04:05.678901Z  INFO a::b: up", "header", US, "INFO", "up", "module=a::b", false),
    ("[2026-01-02T03:04:05Z WARN  a::b] slow", "env_logger", T, "WARN", "slow", "module=a::b", false),
    ("[2026-01-02T03:04:05Z] local.ERROR: down", "monolog", T, "ERROR", "down", "module=local", false),
    ("2026-01-02 03:04:05, Warning               ABC    slow", "servicing", T, "WARN", "slow", "module=ABC", false),
    // Android, journal, kernel, audit.
    ("01-02 03:04:05.678  42    7 D Window: drawn", "logcat", MS, "DEBUG", "drawn", "pid=42 thread=7 module=Window", false),
    ("01-02 03:04:05.678 E/Window(  42): lost", "logcat", MS, "ERROR", "lost", "module=Window pid=42", false),
    ("V/Window(  42): drawn", "logcat", "", "TRACE", "drawn", "module=Window pid=42", false),
    ("__REALTIME_TIMESTAMP=1767323045678901", "journal", US, "", "__REALTIME_TIMESTAMP=1767323045678901", "__REALTIME_TIMESTAMP=1767323045678901", false),
    ("PRIORITY=3", "journal", "", "ERROR", "PRIORITY=3", "", false),
    ("MESSAGE=a = b", "journal", "", "", "a = b", "", false),
    ("[   12.678901] usb 1-1: new device", "kernel", "", "", "usb 1-1: new device", "uptime=12.678901", false),
    ("type=SYSCALL msg=audit(1767323045.678:99): arch=c0 syscall=2", "audit", MS, "", "arch=c0 syscall=2", "type=SYSCALL serial=99", false),
    // Columns of any order.
    ("20260102-3:4:5:678|Steps|4200|walk", "pipes", MS, "", "walk", "module=Steps pid=4200", false),
    ("2026-01-02 03:04:05|WARN|a.b|slow", "header", T, "WARN", "slow", "module=a.b", false),
    ("[01.02 03:04:05] tool.exe *64 - opened", "header", T, "", "opened", "module=tool.exe", true),
    ("2026-01-02 03:04:05 5 of 7 ERROR pages", "header", T, "", "5 of 7 ERROR pages", "", false),
    ("2026-01-02 03:04:05 [worker-1] WARN slow", "header", T, "WARN", "slow", "thread=worker-1", false),
    ("2026-01-02 03:04:05 ERROR down", "header", T, "ERROR", "down", "", false),
    ("[INFO] 2026-01-02 03:04:05 up", "header", T, "INFO", "up", "", false),
    ("2026-01-02T03:04:05Z\terror\tdown", "header", T, "ERROR", "down", "", false),
    ("2026-01-02T03:04:05Z\tINFO\tmain.go:4\tup now", "header", T, "INFO", "up now", "file=main.go line=4", false),
    ("2026-01-02 03:04:05;WARN;main;slow down", "header", T, "WARN", "slow down", "thread=main", false),
    ("2026-01-02 03:04:05,WARN,main,slow down", "header", T, "WARN", "slow down", "thread=main", false),
    ("02-Jan-2026 03:04:05.678 INFO [main] a.b.C.run up", "header", MS, "INFO", "up", "thread=main module=a.b.C.run", false),
    ("[2026-01-02 03:04:05.678] [INFO] shop - up", "log4js", MS, "INFO", "up", "module=shop", false),
    ("[03:04:05 INF] up", "serilog", "", "INFO", "up", "time_of_day=03:04:05", false),
    ("[worker-1] INFO a.b.C - up", "log4j", "", "INFO", "up", "thread=worker-1 module=a.b.C", false),
    ("[   12.678901][    T1] usb 1-1: new", "kernel", "", "", "usb 1-1: new", "uptime=12.678901 thread=T1", false),
    ("INFO 2026-01-02 03:04:05,678 views 42 7 up", "python", MS, "INFO", "up", "module=views pid=42 thread=7", false),
    ("2026-01-02 03:04:05.678 42-7/a.b.c D/Window: drawn", "logcat", MS, "DEBUG", "drawn", "pid=42 thread=7 application=a.b.c module=Window", false),
    ("web_1  | 10.0.0.1 - - [02/Jan/2026:03:04:05 +0000] \"GET / HTTP/1.1\" 200 5", "access", T, "", "GET / HTTP/1.1", "client=10.0.0.1 method=GET operation=/ protocol=HTTP/1.1 status=200 bytes=5", true),
    ("10.0.0.1:34567 [02/Jan/2026:03:04:05.678] front back/s1 1/2/3/4/10 200 2750 - - ---- 1/1/1/1/0 0/0 {x} \"GET /x HTTP/1.1\"", "haproxy", MS, "",
        "front back/s1 1/2/3/4/10 200 2750 - - ---- 1/1/1/1/0 0/0 {x} \"GET /x HTTP/1.1\"",
        "client=10.0.0.1:34567 frontend=front backend=back server=s1 request_ms=1 queue_ms=2 connect_ms=3 response_ms=4 duration_ms=10 status=200 bytes=2750 termination=---- connections=1/1/1/1/0 queues=0/0 captures={x} method=GET operation=/x protocol=HTTP/1.1", false),
    // Plain text, with a level and without.
    ("ERROR: naïve", "plain", "", "ERROR", "ERROR: naïve", "", false),
    ("[warn] x", "plain", "", "WARN", "[warn] x", "", false),
    ("FATAL x", "plain", "", "FATAL", "FATAL x", "", false),
    ("error in the middle", "", "", "", "", "", false),
    ("Failed at 2026-01-02 03:04:05 again", "", "", "", "", "", false),
    ("\tat a.b.C(D.java:5)", "", "", "", "", "", false),
    ("a=1, b=2", "", "", "", "", "", false),
    ("[x] y", "", "", "", "", "", false),
    ("é", "", "", "", "", "", false),
    ("x", "", "", "", "", "", false),
    ("[", "", "", "", "", "", false),
    ("<", "", "", "", "", "", false),
    ("<999>x", "", "", "", "", "", false),
    ("", "", "", "", "", "", false),
];

#[test]
fn each_layout_is_read() {
    let mut reader = TextReader::default();
    let mut wrong = Vec::new();
    for (line, layout, time, level, message, members, header) in CASES {
        let mut context = TimeContext::new("UTC", 2026).unwrap();
        let taken = reader.read(line.as_bytes(), &mut context);
        let matched = reader.matched();
        let name = |name: &LayoutName| match name {
            LayoutName::Known(name) => (*name).to_owned(),
            LayoutName::Written(range) => line[range.clone()].to_owned(),
        };
        let written: Vec<String> = matched.members[..matched.outside]
            .iter()
            .map(|member| format!("{}={}", name(&member.name), &line[member.value.clone()]))
            .collect();
        let found = (
            if taken { matched.layout } else { "" },
            matched.time.map(|time| time.to_string()).unwrap_or_default(),
            matched.level.map_or("", Level::name),
            &line[matched.message.clone()],
            written.join(" "),
            !matched.header.is_empty(),
        );
        let message = if layout.is_empty() { line } else { message };
        let expected = (*layout, (*time).to_owned(), *level, *message, (*members).to_owned(), *header);
        if found != expected {
            wrong.push(format!("{line}\n  found    {found:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_carriage_return_is_no_part_of_the_message() {
    let mut context = TimeContext::new("UTC", 2026).unwrap();
    let mut reader = TextReader::default();
    let line = b"2026-01-02 03:04:05 ERROR down\r";
    assert!(reader.read(line, &mut context));
    assert_eq!(&line[reader.matched().message.clone()], b"down");
    assert!(!reader.read(b"\r", &mut context));
}

#[test]
fn the_facility_and_forms_are_told() {
    let mut context = TimeContext::new("UTC", 2026).unwrap();
    let mut reader = TextReader::default();
    assert!(reader.read(b"<165>Jan  2 03:04:05 web1 app[042]: x", &mut context));
    let matched = reader.matched();
    assert_eq!(matched.facility, Some("local4"));
    let form = |name: &'static str| {
        matched.members.iter().find(|member| member.name == LayoutName::Known(name)).map(|member| member.form)
    };
    assert_eq!(
        (form("pri"), form("pid"), form("host")),
        (Some(ValueForm::Number), Some(ValueForm::Text), Some(ValueForm::Text))
    );
    assert!(reader.read(br#"level=info msg="a\tb" x=1"#, &mut context));
    assert_eq!(reader.matched().message_form, ValueForm::Quoted);
}

#[test]
fn a_line_that_is_refused_leaves_the_year_clock() {
    let mut context = TimeContext::new("UTC", 2026).unwrap();
    let mut reader = TextReader::default();
    reader.read(b"Dec 31 03:04:05 web1 app: x", &mut context);
    assert!(!reader.read(b"Seen on Jan  1 03:04:05 web1 app: x", &mut context));
    reader.read(b"Dec 31 03:04:06 web1 app: x", &mut context);
    assert_eq!(reader.matched().time.map(|time| time.to_string()).as_deref(), Some("2026-12-31T03:04:06Z"));
}

/// What has no name in front of its sign is no pair, wherever it stands.
#[test]
fn a_pair_has_a_name() {
    for line in [
        "2026-01-02 03:04:05\t=\t: ",
        "2026-01-02 03:04:05 =x web-1: up",
        "2026-01-02 03:04:05 = 42 ERROR shop.cart: up",
        "2026-01-02 03:04:05 INFO [=x] shop.cart: up",
        "2026-01-02 03:04:05 INFO [a=1 =x] shop.cart: up",
        "2026-01-02 03:04:05 | INFO | =x | shop.cart | up",
        "2026-01-02 03:04:05 INFO up =x a=1",
        "INFO =x shop.cart: up",
        "<13>Jan  2 03:04:05 web-1 =x: up",
    ] {
        check(line).unwrap();
    }
}

fn check(line: &str) -> Result<(), TestCaseError> {
    let mut context = TimeContext::new("UTC", 2026).unwrap();
    let mut reader = TextReader::default();
    let taken = reader.read(line.as_bytes(), &mut context);
    let matched = reader.matched();
    let ranges = [&matched.message, &matched.header, &matched.level_text];
    for range in ranges.into_iter().chain(matched.members.iter().map(|member| &member.value)) {
        prop_assert!(line.get(range.clone()).is_some(), "{:?} of {:?}", range, line);
    }
    for member in &matched.members {
        if let LayoutName::Written(name) = &member.name {
            prop_assert!(line.get(name.clone()).is_some_and(|name| !name.is_empty()));
        }
        if member.form == ValueForm::Number {
            prop_assert!(serde_json::from_str::<serde_json::Number>(&line[member.value.clone()]).is_ok());
        }
    }
    let line = line.strip_suffix('\r').unwrap_or(line);
    if !taken {
        prop_assert_eq!(&matched.message, &(0..line.len()));
        prop_assert!(
            matched.outside == 0 && matched.time.is_none() && matched.level.is_none() && matched.header.is_empty()
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_string_is_safe(line in "\\PC{0,80}") {
        check(&line)?;
    }

    #[test]
    fn pieces_of_headers_are_safe(pieces in proptest::collection::vec(prop_oneof![
        Just("2026-01-02 03:04:05"), Just("Jan  2 03:04:05"), Just("1767323045"), Just("["), Just("]"), Just("("), Just(")"),
        Just(" "), Just(" - "), Just("|"), Just(":"), Just(": "), Just("\""), Just("\\"), Just("="), Just("<13>"), Just("INFO"),
        Just("error"), Just("42"), Just("-7"), Just("a.b"), Just("@9"), Just("é"), Just("\r"), Just("\t"), Just("W"), Just("#"),
        Just("--- "), Just("1 "), Just("02/Jan/2026:03:04:05 +0000"), Just("a=1"), Just("msg="), Just("200"), Just("MESSAGE="),
        Just("GET"), Just("[pid "), Just("0102 03:04:05.6"), Just(", "), Just("{"),
    ], 0..16)) {
        check(&pieces.concat())?;
    }

    #[test]
    fn damaged_lines_are_safe(index in 0..CASES.len(), place in any::<prop::sample::Index>(), with in "\\PC{0,2}") {
        let line = CASES[index].0;
        let places: Vec<usize> = line.char_indices().map(|(place, _)| place).chain([line.len()]).collect();
        let at = places[place.index(places.len())];
        check(&line[..at])?;
        check(&format!("{}{}{}", &line[..at], with, &line[at..]))?;
    }
}

/// What is skipped in a group would not have fitted: trying every layout finds the same.
fn one_by_one(group: &[pattern::Layout], line: &[u8], opening: Option<Opening>) {
    let mut context = TimeContext::new("UTC", 2026).unwrap();
    let (mut quick, mut plain) = (LayoutMatch::default(), LayoutMatch::default());
    let found = table::read(group, line, 0, opening, &mut context, &mut quick);
    let first = group
        .iter()
        .any(|layout| table::read(std::slice::from_ref(layout), line, 0, opening, &mut context, &mut plain));
    assert_eq!((found, quick), (first, plain), "{}", String::from_utf8_lossy(line));
}

fn every_group(line: &[u8]) {
    let context = TimeContext::new("UTC", 2026).unwrap();
    if let Some(opening) = Opening::scan(line, 0, &context) {
        one_by_one(&table::TIME, line, Some(opening));
    }
    if let Some(opening) = Opening::scan(line, 1, &context) {
        one_by_one(&table::BRACKET_TIME, line, Some(opening));
    }
    one_by_one(&table::BRACKET, line, None);
    for group in [&table::LETTER[..], &table::LEVEL, &table::DIGIT, &table::NAME, &table::PROXY, &table::MARK] {
        one_by_one(group, line, None);
    }
}

#[test]
fn groups_find_what_their_layouts_find_one_by_one() {
    for (line, ..) in CASES {
        (0..=line.len()).filter_map(|end| line.get(..end)).for_each(|line| every_group(line.as_bytes()));
    }
}

proptest! {
    #[test]
    fn groups_find_what_their_layouts_find_one_by_one_in_columns(
        start in r"(\[?2026-01-02 03:04:05[,.]678|\[?2026/01/02 03:04:05|1767323045\.678|)",
        columns in proptest::collection::vec((
            r"( ?\| ?|, | {1,3}| - | --- | : |: |\[|\]\[|\] \[|/|#|)",
            r"([EIWDF]|INFO|ERROR|warn|LOG|F|stdout|-?[0-9]{1,4}|a|a\.b\.C|main|x@1|GET|-|\[main\]|\[ app\]|\(t-1\)|C:m@7|f\.go:12)",
        ), 0..9),
        end in r"(: text|\] text| text: more|\]: -| \(m\)|)",
    ) {
        let columns: String = columns.into_iter().flat_map(|(mark, word)| [mark, word]).collect();
        every_group(format!("{start}{columns}{end}").as_bytes());
    }
}
