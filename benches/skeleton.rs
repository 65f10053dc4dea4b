//! What stage one of the template miner costs a line: on messages of the demo, and on real ones where they lie.
//!
//! `cargo bench --bench skeleton`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seismolog::demo::{Shop, ShopOptions};
use seismolog::event::skeleton::Skeleton;
use std::hint::black_box;
use std::path::Path;

fn of_the_demo() -> Vec<String> {
    let Ok(shop) = Shop::new(ShopOptions { faults: Vec::new(), ..ShopOptions::default() }) else { return Vec::new() };
    let message =
        |line: String| Some(serde_json::from_str::<serde_json::Value>(&line).ok()?["message"].as_str()?.to_owned());
    shop.take(2_000).filter_map(|event| message(event.line)).collect()
}

/// Raw lines of the real samples, 2,000 of each system; empty where they are not.
fn of_real_systems() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/loghub");
    let Ok(systems) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut logs: Vec<_> = systems
        .flatten()
        .filter_map(|system| {
            let name = system.file_name().into_string().ok()?;
            std::fs::read(system.path().join(format!("{name}_2k.log"))).ok()
        })
        .collect();
    logs.sort();
    logs.iter().flat_map(|log| String::from_utf8_lossy(log).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn skeletons(c: &mut Criterion) {
    let mut group = c.benchmark_group("skeleton");
    for (name, lines) in [("demo messages", of_the_demo()), ("real lines", of_real_systems())] {
        if lines.is_empty() {
            continue;
        }
        group.throughput(Throughput::Elements(lines.len() as u64));
        group.bench_function(name, |b| {
            let mut skeleton = Skeleton::default();
            b.iter(|| lines.iter().fold(0, |all, line| all ^ skeleton.read(black_box(line.as_bytes()))));
        });
    }
    group.finish();
}

criterion_group!(benches, skeletons);
criterion_main!(benches);
