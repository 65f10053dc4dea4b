//! Measures the parsing of one text line: its time alone, and the whole layout.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use seismolog::event::layout::TextReader;
use seismolog::event::time::{TimeContext, Timestamp, time_number, time_prefix};

/// One line of each of the most frequent layouts.
const LINES: [&str; 12] = [
    "Jan  2 03:04:05 web1 sshd[4242]: Accepted publickey for deploy from 10.0.0.7 port 50022",
    "<165>1 2026-01-02T03:04:05.678Z web1 billing 4242 ID47 - invoice 17 sent in 31 ms",
    "10.0.0.1 - bob [02/Jan/2026:03:04:05 +0000] \"GET /orders/17 HTTP/1.1\" 200 1735 \"-\" \"curl/8.9\" 0.031",
    "time=\"2026-01-02T03:04:05Z\" level=warning msg=\"pool is nearly empty\" pool=orders free=2",
    "2026-01-02T03:04:05.678901234Z stderr F cannot reach 10.0.0.9:5432",
    "W0102 03:04:05.678901    4242 reconcile.go:117] retrying orders/17",
    "2026-01-02 03:04:05.678  INFO 4242 --- [exec-1] c.e.orders.OrderService : order 17 is paid",
    "2026-01-02 03:04:05,678 - orders.worker - ERROR - order 17 failed",
    "2026-01-02T03:04:05.678901Z  INFO orders::worker: order 17 is paid",
    "- 1767323045 2026.01.02 n7 Jan 2 03:04:05 n7/n7 crond[4242]: session closed",
    "2026-01-02 03:04:05 [worker-1] WARN queue is 90% full",
    "just a line of text that has no layout at all",
];

fn benches(criterion: &mut Criterion) {
    let context = || TimeContext::new("UTC", 2026).unwrap_or_else(|error| unreachable!("UTC is known: {error}"));
    criterion.bench_function("time/rfc3339", |bencher| {
        let mut context = context();
        bencher.iter(|| time_prefix(black_box(b"2026-11-22T00:00:00.014Z"), &mut context));
    });
    criterion.bench_function("time/epoch", |bencher| bencher.iter(|| time_number(black_box(b"1767323045.678"))));
    criterion.bench_function("time/write", |bencher| {
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            Timestamp(black_box(1_767_323_045_678_000_000)).write_rfc3339(&mut out);
        });
    });
    criterion.bench_function("layout/12 lines", |bencher| {
        let (mut context, mut reader) = (context(), TextReader::default());
        bencher.iter(|| LINES.iter().filter(|line| reader.read(black_box(line.as_bytes()), &mut context)).count());
    });
}

criterion_group!(group, benches);
criterion_main!(group);
