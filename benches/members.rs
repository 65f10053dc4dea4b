//! Compares two ways to find the members of roles in one typical JSON event: our own walk, and
//! sonic-rs.
//!
//! `cargo bench --bench members`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seismolog::event::json::Members;
use sonic_rs::{JsonValueTrait, PointerTree};
use std::hint::black_box;

const EVENT: &str = r#"{"timestamp": "2026-11-22T00:00:00.014Z", "level": "INFO", "module": "checkout.workflow.impl.OrderAttemptImpl", "request_id": "req-a6a36513270e", "duration_ms": 8.719, "status": 200, "message": "attempt_1445144423722_0020_m_000009_0 OrderAttempt Transitioned from ASSIGNED to RUNNING"}"#;
const NAMES: [&str; 7] = ["timestamp", "level", "module", "request_id", "duration_ms", "status", "message"];

fn members(c: &mut Criterion) {
    let mut group = c.benchmark_group("members");
    group.throughput(Throughput::Bytes(EVENT.len() as u64));
    group.bench_function("own walk", |b| {
        b.iter(|| {
            let Ok(mut members) = Members::new(black_box(EVENT.as_bytes()), 0) else { return 0 };
            let mut bytes = 0;
            while let Ok(Some(member)) = members.advance() {
                bytes += member.end - member.start;
            }
            bytes
        });
    });
    group.bench_function("sonic-rs get_many", |b| {
        let mut tree = PointerTree::new();
        for name in NAMES {
            tree.add_path(&[name]);
        }
        b.iter(|| {
            let found = sonic_rs::get_many(black_box(EVENT.as_bytes()), &tree);
            found.map_or(0, |found| found.iter().flatten().map(|value| value.as_raw_str().len()).sum::<usize>())
        });
    });
    group.bench_function("sonic-rs object iterator", |b| {
        b.iter(|| {
            let members = sonic_rs::to_object_iter(black_box(EVENT.as_bytes()));
            members.flatten().map(|(key, value)| key.len() + value.as_raw_str().len()).sum::<usize>()
        });
    });
    group.bench_function("serde_json value", |b| {
        b.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(EVENT.as_bytes())).is_ok());
    });
    group.bench_function("sonic-rs value", |b| {
        b.iter(|| {
            sonic_rs::from_slice::<sonic_rs::Value>(black_box(EVENT.as_bytes())).is_ok_and(|value| value.is_object())
        });
    });
    group.finish();
}

criterion_group!(benches, members);
criterion_main!(benches);
