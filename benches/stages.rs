//! Measures the cost of each stage per event, on the demo's stream.
//!
//! `cargo bench --bench stages`

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use seismolog::config::Config;
use seismolog::demo::{Shop, ShopOptions};
use seismolog::engine::rules::RuleSet;
use seismolog::engine::template::{TemplateOptions, Templates};
use seismolog::engine::{Engine, Outcome};
use seismolog::event::lines::Lines;
use seismolog::event::time::TimeContext;
use seismolog::event::{Batch, EventParser, Timestamp, splice};
use std::hint::black_box;

fn stream() -> Vec<u8> {
    let Ok(shop) = Shop::new(ShopOptions { faults: Vec::new(), ..ShopOptions::default() }) else { return Vec::new() };
    shop.take(2_000).flat_map(|event| (event.line + "\n").into_bytes()).collect()
}

fn parser() -> EventParser {
    let config = Config::default();
    let Ok(context) = TimeContext::new("UTC", 2026) else { unreachable!("UTC is a zone") };
    EventParser::new(config.names(), config.output.member, context)
}

fn split() -> Batch {
    let bytes = stream();
    let mut batch = Batch { filled: bytes.len(), bytes, ..Batch::default() };
    Lines::new(1 << 20).split(&mut batch, true);
    batch
}

fn stages(c: &mut Criterion) {
    let mut group = c.benchmark_group("stages");
    let mut batch = split();
    group.throughput(Throughput::Elements(batch.records.len() as u64));
    group.bench_function("lines", |b| {
        let mut lines = Lines::new(1 << 20);
        b.iter(|| {
            batch.records.clear();
            lines.split(black_box(&mut batch), true)
        });
    });
    for (name, rules) in [("look", RuleSet::empty()), ("look for shipped rules", shipped())] {
        batch.prefilter = Some(rules.prefilter());
        group.bench_function(name, |b| {
            let mut parser = parser();
            b.iter(|| parsed(&mut parser, black_box(&mut batch)));
        });
    }
    group.bench_function("template", |b| {
        let (mut templates, mut merges) = (Templates::new(10_000, &TemplateOptions::default()), Vec::new());
        b.iter(|| {
            for i in 0..batch.records.len() {
                black_box(templates.see(&batch.fields(i), Timestamp::default(), &mut merges));
            }
            merges.clear();
        });
    });
    group.bench_function("splice", |b| {
        let (finding, mut out) = (br#"{"detector":"loop","summary":"it goes round","p":1e-12}"#, Vec::new());
        b.iter(|| {
            out.clear();
            for i in 0..batch.records.len() {
                let done =
                    splice::annotate(&batch.fields(i), &batch.arena, &batch.bytes, "anomalies", finding, &mut out);
                black_box(done.is_ok());
            }
        });
    });
    for (name, rules) in [("engine without rules", RuleSet::empty()), ("engine with shipped rules", shipped())] {
        batch.prefilter = Some(rules.prefilter());
        parsed(&mut parser(), &mut batch);
        group.bench_function(name, |b| {
            let mut outcome = Outcome::default();
            b.iter_batched_ref(
                || Engine::new(&Config::default().engine_options(), rules.clone()),
                |engine| {
                    for i in 0..batch.records.len() {
                        engine.process(&batch.fields(i), Timestamp::default(), black_box(&mut outcome));
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

fn parsed(parser: &mut EventParser, batch: &mut Batch) {
    batch.parsed.clear();
    batch.arena.clear();
    parser.parse(batch);
}

fn shipped() -> RuleSet {
    let (rules, tables) = RuleSet::shipped_sources();
    RuleSet::compile(&rules, &tables).unwrap_or_else(|_| RuleSet::empty())
}

criterion_group!(benches, stages);
criterion_main!(benches);
