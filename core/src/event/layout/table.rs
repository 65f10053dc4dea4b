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
pub(super) static TIME: [Layout; 42] = Layout::group([
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
    layout!("loguru", "{time} | {level} | {module}:{function}:{line} - {message}"),
    layout!("python", "{time} - {module} - {level} - {message}"),
    layout!("log4j", "{time} {level} [{thread}] {module:dotted} {message}"),
    layout!("servicing", "{time}, {level} {module} {message}"),
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
    layout!("iis", "{time} {site} {computer} {server} {message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {query} {port} {user} {client} {protocol} {user_agent} {cookie} {referrer} {vhost} {status} {substatus} {win32_status} {sent} {received} {duration_ms:number}"),
    layout!("elb", ELB),
    layout!("kubernetes", "{time} {letter} {pid} {file}:{line}] {message}"),
    layout!("vmware", "{time} {severity}({priority:number}) {module}[{pid}]: {message}"),
    layout!("vmware", "{time} {severity}({priority:number}) {module}: {message}"),
]);

/// Lines that begin with a bracket and a time in it.
#[rustfmt::skip]
pub(super) static BRACKET_TIME: [Layout; 16] = Layout::group([
    layout!("icinga", "[{time}] {level}/{module}: {message}"),
    layout!("apache", "[{time}] [{module}:{level}] [pid {pid}:tid {thread}] [client {client}] {message}"),
    layout!("apache", "[{time}] [{level}] {message>}[client {client}] {rest}"),
    layout!("elasticsearch", "[{time}][{level}][{module}] [{node}] {message}"),
    layout!("elasticsearch", "[{time}][{level}][{module}] {message}"),
    layout!("log4js", "[{time}] [{level}] {module} - {message}"),
    layout!("glassfish", "[{time}] [{server}] [{level}] [{id}] [{module}] [tid: {thread}] {message}"),
    layout!("websphere", "[{time}] {thread} {module} {letter} {message}"),
    layout!("gluster", "[{time}] {letter} [MSGID: {message_id}] [{file}:{line}:{function}] {translator}: {message}"),
    layout!("gluster", "[{time}] {letter} [{file}:{line}:{function}] {translator}: {message}"),
    layout!("flask", "[{time}] {level} in {module}: {message}"),
    layout!("serilog", "[{time} {level}] {message}"),
    layout!("env_logger", "[{time} {level} {module}] {message}"),
    layout!("celery", "[{time}: {level}/{thread}] {message}"),
    layout!("monolog", "[{time}] {module}.{level}: {message}"),
    layout!("kafka", "[{time}] {level} {message} ({module})"),
]);

/// Lines that begin with a bracket and no time in it.
#[rustfmt::skip]
pub(super) static BRACKET: [Layout; 6] = Layout::group([
    layout!("kernel", "[{uptime:decimal}]_{message}"),
    layout!("kernel", "[{uptime:decimal}][{thread}]_{message}"),
    layout!("log4j", "[{thread}] {level} {module} - {message}"),
    layout!("redis", "[{pid}] {time} {sign} {message}"),
    layout!("gin", "[GIN] {time} | {message>}{status} | {latency} | {client} | {method} \"{operation}\""),
    layout!("kubectl", "[pod/{host}/{container}] {message}"),
]);

/// Lines that begin with a letter that stands alone.
#[rustfmt::skip]
pub(super) static LETTER: [Layout; 6] = Layout::group([
    layout!("klog", "{letter}{time} {thread:number} {file}:{line}]_{message}"),
    layout!("logcat", "{letter}/{module}({pid}): {message}"),
    layout!("logcat", "{letter}/{module} ({pid}): {message}"),
    layout!("ruby", "{letter}, [{time} #{pid}] {level} -- {module}: {message}"),
    layout!("ruby", "{letter}, [{time} #{pid}] {level} -- : {message}"),
    layout!("cups", "{letter} [{time}] {message}"),
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
pub(super) static DIGIT: [Layout; 4] = Layout::group([
    layout!("redis", "{pid}:{role:X|C|S|M} {time} {sign} {message}"),
    layout!("columns", "{id:number} {node} {module} {state} {time:epoch} {flag:number} {message}"),
    layout!("tornado", "{message>}{status} {method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} ({client}) {response_time}"),
    layout!("vpc", "{version:number} {account:number} {interface} {source} {destination} {source_port} {destination_port} {protocol:number} {packets} {bytes} {time:epoch} {end} {action:ACCEPT|REJECT} {state}"),
]);

/// Lines that begin with another word.
#[rustfmt::skip]
pub(super) static NAME: [Layout; 8] = Layout::group([
    layout!("audit", "type={type} msg=audit({time}:{serial}): {message}"),
    layout!("npm", "npm {level}! {message}"),
    layout!("npm", "npm {level} {message}"),
    layout!("dmesg", "{module:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp} :{level} : [{uptime:decimal}] {message}"),
    layout!("dmesg", "{module:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp}:{level} : [{uptime:decimal}] {message}"),
    layout!("morgan", "{message>}{method:GET|POST|HEAD|PUT|DELETE|OPTIONS|PATCH} {operation} {status} {duration_ms} ms - {bytes}"),
    layout!("alb", "{type:http|https|h2|grpcs|ws|wss} {time} {message>}{balancer} {client} {target} {request_processing_time} {target_processing_time} {response_processing_time} {status} {target_status} {received} {sent} \"{method} {operation} {protocol}\" \"{user_agent}\" {rest}"),
    layout!("s3", "{owner} {bucket} [{time}] {client} {requester} {request_id} {message>}{action} {object} \"{method} {operation} {protocol}\" {status} {error} {bytes} {size} {duration_ms} {turnaround} {rest}"),
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
pub(super) static MARK: [Layout; 4] = Layout::group([
    layout!("erlang", "={level} REPORT==== {time} ==={message}"),
    layout!("weblogic", "####<{time}> <{level}> <{module}> <{host}> <{server}> <{thread}> <{user}> <{transaction}> <{context}> <{epoch}> <{error_code}> <{message}>"),
    layout!("sssd", "({time}): [{module}] [{function}] ({mask}): {message}"),
    layout!("tai64n", "{time} {message}"),
]);

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
