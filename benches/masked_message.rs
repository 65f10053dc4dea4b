//! Measures stage one of the template miner, the masking of messages, on the demo's messages and on
//! real ones if they are present.
//!
//! `cargo bench --bench masked_message`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use seismolog::config::Config;
use seismolog::demo::{Shop, ShopOptions};
use seismolog::event::lines::Lines;
use seismolog::event::masked_message::MaskedMessage;
use seismolog::event::time::TimeContext;
use seismolog::event::{Batch, EventParser, Role};
use std::hint::black_box;
use std::path::Path;

fn of_the_demo() -> Vec<u8> {
    let Ok(shop) = Shop::new(ShopOptions { faults: Vec::new(), ..ShopOptions::default() }) else { return Vec::new() };
    shop.take(2_000).flat_map(|event| (event.line + "\n").into_bytes()).collect()
}

/// The lines of the real samples, 2,000 of each system; empty if the samples are missing.
fn of_real_systems() -> Vec<u8> {
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
    logs.concat()
}

/// The messages of these lines, from which templates are mined.
fn messages(bytes: Vec<u8>) -> Vec<String> {
    let Ok(context) = TimeContext::new("UTC", 2026) else { unreachable!("UTC is a zone") };
    let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    let config = Config::default();
    EventParser::new(config.names(), config.output.member, context).parse(&mut batch);
    (0..batch.records.len()).filter_map(|i| Some(batch.fields(i).text(Role::Message)?.into_owned())).collect()
}

fn masked_messages(c: &mut Criterion) {
    let mut group = c.benchmark_group("masked");
    for (name, lines) in [("demo messages", messages(of_the_demo())), ("real messages", messages(of_real_systems()))] {
        if lines.is_empty() {
            continue;
        }
        group.throughput(Throughput::Elements(lines.len() as u64));
        group.bench_function(name, |b| {
            let mut masked = MaskedMessage::default();
            b.iter(|| lines.iter().fold(0, |all, line| all ^ masked.read(black_box(line.as_bytes()))));
        });
    }
    group.finish();
}

criterion_group!(benches, masked_messages);
criterion_main!(benches);
