//! The layouts that a pattern can say, in groups by what a line begins with. In a group the first
//! that fits is taken, so those with more marks stand before those with fewer. `pattern.rs` tells
//! how they are written.

use super::super::time::TimeContext;
use super::matching::Matching;
use super::pattern::{self, Layout, Marks, Shape, Step};
use super::{LayoutMatch, Opening};

/// A layout by its name and its pattern, of which the steps are as many as it has.
macro_rules! layout {
    ($name:literal, $pattern:expr) => {{
        const STEPS: [Step; pattern::count($pattern)] = pattern::compile($pattern);
        Layout::new($name, &STEPS)
    }};
}

/// Lines that begin with a time.
#[rustfmt::skip]
pub(super) static TIME: [Layout; 62] = Layout::group([
    layout!("cri", "{time} {stream:stdout|stderr} {tag:F|P}_{message}"),
    layout!("logcat", "{time} {pid} {thread:number} {letter} {module}: {message}"),
    layout!("logcat", "{time} {pid} {thread:number} {letter} {module} : {message}"),
    layout!("logcat", "{time} {uid} {pid} {thread:number} {letter} {module}: {message}"),
    layout!("logcat", "{time} {letter}/{module}({pid}): {message}"),
    layout!("logcat", "{time} {letter}/{module} ({pid}): {message}"),
    layout!("logcat", "{time} {pid}-{thread}/{application} {letter}/{module}: {message}"),
    layout!("mongodb", "{time} {letter} {module} [{thread}] {message}"),
    layout!("nginx", "{time} [{level}] {pid}#{thread:number}: *{connection} {message}"),
    layout!("oslo", "{time} {pid} {level} {module} [{request_id}] {message}"),
    layout!("odoo", "{time} {pid} {level} {database} {module}: {message}"),
    layout!("sidekiq", "{time} {pid} TID-{thread} {module} JID-{job_id} {level}: {message}"),
    layout!("sidekiq", "{time} {pid} TID-{thread} {level}: {message}"),
    layout!("pgbouncer", "{time} {pid} {severity} {message>}S-0x{rest}"),
    layout!("pgbouncer", "{time} {pid} {severity} {message>}C-0x{rest}"),
    layout!("log4j", "{time} {level} [{module}] ({thread}) {message}"),
    layout!("log4j", "{time} {level} [{thread}] {module}: {message}"),
    layout!("log4j", "{time} [{thread}] {level} {module} [{context}] - {message}"),
    layout!("log4j", "{time} [{thread}] {level} {module} - {message}"),
    layout!("log4j", "{time} [{thread}] {level} {module}: {message}"),
    layout!("log4j", "{time} [{node}] - {level} [{location}] - {message}"),
    layout!("log4j", "{time} - {level} [{location}] - {message}"),
    layout!("mysql", "{time} {thread:number} [{severity}] [{error_code}] [{module}] {message}"),
    layout!("mysql", "{time} {thread:number} [{severity}] {message}"),
    layout!("postgresql", "{time} [{pid}] {severity}: {message}"),
    layout!("postgresql", "{time} [{pid}] {user}@{database} {severity}: {message}"),
    layout!("datadog", "{time} | {module:CORE|TRACE|PROCESS|SECURITY|SYS-PROBE|CLUSTER|JMXFETCH|DOGSTATSD} | {level} | ({location_of}) | {message}"),
    layout!("fiber", "{time} | {message>}{status} | {latency} | {client} | {method} | {operation} {rest}"),
    layout!("loguru", "{time} | {level} | {module}:{function}:{line} - {message}"),
    layout!("python", "{time} - {module} - {level} - {message}"),
    layout!("log4j", "{time} {level} [{thread}] {module:dotted} {message}"),
    layout!("servicing", "{time}, {level} {module} {message}"),
    layout!("jetty", "{time}:{level} :{module}:{thread}: {message}"),
    layout!("jetty", "{time}:{level}:{module}:{thread}: {message}"),
    layout!("python", "{time}:{level}:{module}:{message}"),
    layout!("flask", "{time} {level} in {module}: {message}"),
    layout!("capnslog", "{time} {letter} | {module}: {message}"),
    layout!("karaf", "{time} | {level} | {thread} | {module} | {bundle} | {message}"),
    layout!("jvm", "{time}: {uptime:decimal}: {message}"),
    layout!("macos", "{time} 0x{thread} {severity} 0x{activity} {pid} {ttl} {module}: {message}"),
    layout!("macos", "{time} {type:Df|Db|I|E|F|Di|In|Er|Fa} {module}[{pid}:{thread}] {message}"),
    layout!("pipes", "{time}|{module}|{pid}|{message}"),
    layout!("squid", "{time} {message>}{duration_ms:number} {client} {result}/{status} {bytes} {method} {operation} {user} {peer} {content_type}"),
    layout!("iis", "{time} {server} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {query} {port} {user} {client} {user_agent} {referrer} {status} {substatus} {win32_status} {duration_ms:number}"),
    layout!("iis", "{time} {server} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {query} {port} {user} {client} {user_agent} {status} {substatus} {win32_status} {duration_ms:number}"),
    layout!("iis", "{time} {site} {server} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {query} {port} {user} {client} {user_agent} {referrer} {status} {substatus} {win32_status} {duration_ms:number}"),
    layout!("iis", "{time} {site} {server} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {query} {port} {user} {client} {user_agent} {status} {substatus} {win32_status} {duration_ms:number}"),
    layout!("iis", "{time} {site} {computer} {server} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {query} {port} {user} {client} {protocol} {user_agent} {cookie} {referrer} {vhost} {status} {substatus} {win32_status} {sent} {received} {duration_ms:number}"),
    layout!("elb", ELB),
    layout!("kubernetes", "{time} {letter} {pid} {file}:{line}] {message}"),
    layout!("vmware", "{time} {severity}({priority:number}) {module}[{pid}]: {message}"),
    layout!("vmware", "{time} {severity}({priority:number}) {module}: {message}"),
    layout!("vmkernel", "{time} cpu{cpu}:{world}){level}: {module}: {message}"),
    layout!("vmkernel", "{time} cpu{cpu}:{world}){module}: {message}"),
    layout!("telegraf", "{time} {letter}! [{module}] {message}"),
    layout!("telegraf", "{time} {letter}! {message}"),
    layout!("logback", "{time} |-{level} in {module}[{appender}] - {message}"),
    layout!("logback", "{time} |-{level} in {origin} - {message}"),
    layout!("mssql", "{time} {module:Server}______{message}"),
    layout!("mssql", "{time} {module:Logon}_______{message}"),
    layout!("mssql", "{time} {module:Backup}______{message}"),
    layout!("cloudfront", "{time} {edge} {bytes:number} {client} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {vhost} {operation} {status} {referrer} {user_agent} {query} {cookie} {result} {request_id} {host_header} {scheme} {sent:number} {request_time:decimal} {rest}"),
]);

/// Lines that begin with a bracket and a time in it.
#[rustfmt::skip]
pub(super) static BRACKET_TIME: [Layout; 22] = Layout::group([
    layout!("icinga", "[{time}] {level}/{module}: {message}"),
    layout!("apache", "[{time}] [{module}:{level}] [pid {pid}:tid {thread}] [client {client}] {message}"),
    layout!("apache", "[{time}] [{level}] {message>}[client {client}] {rest}"),
    layout!("envoy", "[{time}][{thread:number}][{level}][{module}] [{file}:{line}] {message}"),
    layout!("envoy", "[{time}][{thread:number}][{level}][{module}] {message}"),
    layout!("elasticsearch", "[{time}][{level}][{module}] [{node}] {message}"),
    layout!("elasticsearch", "[{time}][{level}][{module}] {message}"),
    layout!("log4js", "[{time}] [{level}] {module} - {message}"),
    layout!("glassfish", "[{time}] [{server}] [{level}] [{id}] [{module}] [tid: {thread}] {message}"),
    layout!("websphere", "[{time}] {thread} {module} {letter} {message}"),
    layout!("websphere", "[{time}] {thread} {module} {stream:O|R|Z} {message}"),
    layout!("gluster", "[{time}] {letter} [MSGID: {message_id}] [{file}:{line}:{function}] {translator}: {message}"),
    layout!("gluster", "[{time}] {letter} [{file}:{line}:{function}] {translator}: {message}"),
    layout!("flask", "[{time}] {level} in {module}: {message}"),
    layout!("serilog", "[{time} {level}] {message}"),
    layout!("env_logger", "[{time} {level} {module}] {message}"),
    layout!("celery", "[{time}: {level}/{thread}] {message}"),
    layout!("chromium", "[{time}:{level}:{file}({line})] {message}"),
    layout!("php", "[{time}] {client} [{status}]: {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {rest}"),
    layout!("php", "[{time}] {client} [{status}]: {message>}{operation}"),
    layout!("monolog", "[{time}] {module}.{level}: {message}"),
    layout!("kafka", "[{time}] {level} {message} ({module})"),
]);

/// Lines that begin with a bracket and no time in it.
#[rustfmt::skip]
pub(super) static BRACKET: [Layout; 13] = Layout::group([
    layout!("kernel", "[{uptime:decimal}]_{message}"),
    layout!("kernel", "[{uptime:decimal}][{thread}]_{message}"),
    layout!("log4j", "[{thread}] {level} {module} - {message}"),
    layout!("redis", "[{pid}] {time} {sign} {message}"),
    layout!("gin", "[GIN] {time} | {message>}{status} | {latency} | {client} | {method} \"{operation}\""),
    layout!("negroni", "[negroni] {time} | {message>}{status} | {latency} | {vhost} | {method} {operation}"),
    layout!("nestjs", "[Nest] {pid} - {time} {severity} [{module}] {message}"),
    layout!("nestjs", "[Nest] {pid} - {time} {severity} {message}"),
    layout!("chromium", "[{pid}:{thread:number}:{time}:{level}:{file}({line})] {message}"),
    layout!("tornado", "[{letter} {time} {module}:{line}] {message}"),
    layout!("tornado", "[{letter} {time} {module}] {message}"),
    layout!("coredns", "[{level}] {message>}{client} - {id:number} \"{question}\" {rcode} {flags} {size:number} {duration}"),
    layout!("kubectl", "[pod/{host}/{container}] {message}"),
]);

/// Lines that begin with a letter that stands alone.
#[rustfmt::skip]
pub(super) static LETTER: [Layout; 10] = Layout::group([
    layout!("klog", "{letter}{time} {thread:number} {file}:{line}]_{message}"),
    layout!("logcat", "{letter}/{module}({pid}): {message}"),
    layout!("logcat", "{letter}/{module} ({pid}): {message}"),
    layout!("ruby", "{letter}, [{time} #{pid}] {level} -- {module}: {message}"),
    layout!("ruby", "{letter}, [{time} #{pid}] {level} -- : {message}"),
    layout!("cups", "{letter} [{time}] {message}"),
    layout!("tendermint", "{letter}[{time}]_{message}"),
    layout!("esp", "{letter} ({uptime:number}) {module}: {message}"),
    layout!("cockroach", "{letter}{time} {thread:number} {file}:{line} ⋮ {message}"),
    layout!("cockroach", "{letter}{time} {thread:number} {file}:{line} {message}"),
]);

/// Lines that begin with the word of a level.
#[rustfmt::skip]
pub(super) static LEVEL: [Layout; 7] = Layout::group([
    layout!("uvicorn", "{level}:_ {message>}{client} - \"{method} {operation} {protocol}\" {status} {rest}"),
    layout!("dotnet", "{level}: {module}[{event_id:number}]"),
    layout!("dotnet", "{level}: {module}[{event_id:number}] {message}"),
    layout!("uvicorn", "{level}:_ {message}"),
    layout!("python", "{level}:{module}:{message}"),
    layout!("log4j", "{level} [{thread}] {time} {file}:{line} - {message}"),
    layout!("python", "{level} {time} {module} {pid} {thread:number} {message}"),
]);

/// Lines that begin with a number.
#[rustfmt::skip]
pub(super) static DIGIT: [Layout; 8] = Layout::group([
    layout!("redis", "{pid}:{role:X|C|S|M} {time} {sign} {message}"),
    layout!("columns", "{id:number} {node} {module} {state} {time:epoch} {flag:number} {message}"),
    layout!("tornado", "{message>}{status} {method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} ({client}) {response_time}"),
    layout!("vpc", "{version:number} {account:number} {interface} {source} {destination} {source_port} {destination_port} {protocol:number} {packets} {bytes} {time:epoch} {end} {action:ACCEPT|REJECT} {state}"),
    layout!("s3", S3),
    layout!("php-fpm", PHP_FPM),
    layout!("php-fpm", PHP_FPM_USER),
    layout!("zabbix", "{pid}:{time} {message}"),
]);

/// Lines that begin with another word.
#[rustfmt::skip]
pub(super) static NAME: [Layout; 12] = Layout::group([
    layout!("audit", "type={type} msg=audit({time}:{serial}): {message}"),
    layout!("npm", "npm {level}! {message}"),
    layout!("npm", "npm {level} {message}"),
    layout!("dmesg", "{module:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp} :{level} : [{uptime:decimal}] {message}"),
    layout!("dmesg", "{module:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp}:{level} : [{uptime:decimal}] {message}"),
    layout!("morgan", "{message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {status} {duration_ms} ms - {bytes}"),
    layout!("alb", "{type:http|https|h2|grpcs|ws|wss} {time} {message>}{balancer} {client} {target} {request_processing_time} {target_processing_time} {response_processing_time} {status} {target_status} {received} {sent} \"{method} {operation} {protocol}\" \"{user_agent}\" {rest}"),
    layout!("s3", S3),
    layout!("morgan", "{message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {status} {bytes} - {duration_ms} ms"),
    layout!("lambda", "{message>}START RequestId: {request_id} {rest}"),
    layout!("lambda", "{message>}END RequestId: {request_id} {rest}"),
    layout!("lambda", "{message>}REPORT RequestId: {request_id} {rest}"),
]);

/// Lines that begin with an address and a time in brackets.
#[rustfmt::skip]
pub(super) static PROXY: [Layout; 4] = Layout::group([
    layout!("haproxy", HAPROXY),
    layout!("haproxy", HAPROXY_CAPTURES),
    layout!("haproxy", HAPROXY_BOTH_CAPTURES),
    layout!("haproxy", HAPROXY_TCP),
]);

/// Lines that begin with a mark.
#[rustfmt::skip]
pub(super) static MARK: [Layout; 7] = Layout::group([
    layout!("erlang", "={level} REPORT==== {time} ==={message}"),
    layout!("weblogic", "####<{time}> <{level}> <{module}> <{host}> <{server}> <{thread}> <{user}> <{transaction}> <{context}> <{epoch}> <{error_code}> <{message}>"),
    layout!("sssd", "({time}): [{module}] [{function}] ({mask}): {message}"),
    layout!("tai64n", "{time} {message}"),
    layout!("weblogic", "<{time}> <{level}> <{module}> <{error_code}> <{message}>"),
    layout!("zabbix", " {pid}:{time} {message}"),
    layout!("php-fpm", PHP_FPM),
]);

const S3: &str = "{owner} {bucket} [{time}] {client} {requester} {request_id} {message>}{action} {object} \"{method} {operation} {protocol}\" {status} {error} {bytes} {size} {duration_ms} {turnaround} {rest}";
const PHP_FPM: &str = "{client} - {time} \"{message>}{method} {operation}\" {status} {rest}";
const PHP_FPM_USER: &str = "{client} - {user} {time} \"{message>}{method} {operation}\" {status} {rest}";
const ELB: &str = "{time} {message>}{balancer} {client} {target} {request_processing_time} {target_processing_time} {response_processing_time} {status} {target_status} {received} {sent} \"{method} {operation} {protocol}\" \"{user_agent}\" {rest}";
const HAPROXY_TCP: &str = "{client} [{time}] {message>}{frontend} {backend}/{server} {queue_ms}/{connect_ms}/{duration_ms} {bytes} {termination} {connections} {queues}";
const HAPROXY_BOTH_CAPTURES: &str = "{client} [{time}] {message>}{frontend} {backend}/{server} {request_ms}/{queue_ms}/{connect_ms}/{response_ms}/{duration_ms} {status} {bytes} {request_cookie} {response_cookie} {termination} {connections} {queues} {captures} {response_captures} \"{method} {operation} {protocol}\"";
const HAPROXY: &str = "{client} [{time}] {message>}{frontend} {backend}/{server} {request_ms}/{queue_ms}/{connect_ms}/{response_ms}/{duration_ms} {status} {bytes} {request_cookie} {response_cookie} {termination} {connections} {queues} \"{method} {operation} {protocol}\"";
const HAPROXY_CAPTURES: &str = "{client} [{time}] {message>}{frontend} {backend}/{server} {request_ms}/{queue_ms}/{connect_ms}/{response_ms}/{duration_ms} {status} {bytes} {request_cookie} {response_cookie} {termination} {connections} {queues} {captures} \"{method} {operation} {protocol}\"";

/// Whether the line has a layout of the group, from `from` on, and which.
pub(super) fn read(
    group: &[Layout],
    line: &[u8],
    from: usize,
    opening: Option<Opening>,
    context: &mut TimeContext,
    matched: &mut LayoutMatch,
) -> bool {
    let first = line.get(from).copied().unwrap_or_default();
    let shape = opening.map(|opening| (Shape::of(line, opening.end), Marks::of(line, opening.end)));
    let mut matching = Matching::new(line, from, opening, context);
    // Where the last layout that was tried failed, and how much of it all those since then share.
    let (mut failed, mut shared, mut alike) = (0, 0, 0);
    for layout in group {
        (shared, alike) = (layout.shared().min(shared), layout.alike().min(alike));
        if failed < shared || !layout.begins_with(first) || !shape.is_none_or(|shape| layout.fits(shape)) {
            continue;
        }
        match layout.read(alike.min(failed), &mut matching) {
            Ok(()) => {
                if let Some(written) = layout.capture(&mut matching, matched) {
                    matched.take_time(&written, context);
                }
                return true;
            }
            Err(step) => (failed, shared, alike) = (step, usize::MAX, usize::MAX),
        }
    }
    false
}
