//! The Chinese sentences.

mod burst;
pub(super) mod evidence;
pub(super) mod explanation;
mod input;
pub(super) mod judged;
mod latency;
mod r#loop;
pub(super) mod near_miss;
mod novelty;
mod rule;
mod silence;
pub(super) mod situation;
mod spread;
mod storm;
pub(super) mod words;

use super::quantity::Noun;
use super::{Language, Subject};
use crate::engine::finding::{DetectorName, Evidence, Finding, Key};
use crate::plain::plain;
use words::member;

sentences!();

pub(super) fn ending(seconds: f64) -> String {
    match seconds {
        // A single event has no duration.
        ..0.05 => "已恢复：".to_owned(),
        seconds => format!("已恢复（持续 {}）：", lasting(seconds)),
    }
}

/// The key in words: `模块 web、主机 node-3`.
fn in_words(key: &Key) -> String {
    key.0.iter().map(|(name, value)| format!("{} {}", member(name), plain(value))).collect::<Vec<_>>().join("、")
}

/// A place inside of a sentence: with a blank where it does not begin or end in Chinese.
fn spaced(place: &str) -> String {
    let blank = |c: Option<char>| if c.is_some_and(|c| c.is_ascii()) { " " } else { "" };
    format!("{}{place}{}", blank(place.chars().next()), blank(place.chars().next_back()))
}

/// The key before what happened: `queue（主机 node-3，线程 t-1）`.
fn at(key: &Key) -> String {
    // By name: a key that was read back has its members in another order.
    let head = key.0.iter().position(|(name, _)| name == "module").unwrap_or_default();
    let Some((name, first)) = key.0.get(head) else { return String::new() };
    let first = if name == "module" { first.clone() } else { format!("{} {first}", member(name)) };
    let rest = key.0.iter().enumerate().filter(|(i, _)| *i != head).map(|(_, pair)| pair);
    let rest: Vec<_> = rest.map(|(name, value)| format!("{} {value}", member(name))).collect();
    if rest.is_empty() { format!("{first} ") } else { format!("{first}（{}）", rest.join("，")) }
}

/// A count with its noun: `12 个错误`.
fn counted(count: f64, noun: Noun) -> String {
    Language::Zh.counted(count.round() as u64, noun)
}

fn lasting(seconds: f64) -> String {
    super::lasting(Language::Zh, seconds)
}

/// `：“the text”`; empty where there is none.
fn saying(evidence: &Evidence) -> String {
    super::example(evidence).map_or_else(String::new, |text| format!("：{text}"))
}

/// What is usual, of something that came `expected` times in such a window: `平时每分钟 3 个`.
fn usually(expected: f64, window_s: f64, measure: &str) -> String {
    match super::usual_rate(expected, window_s) {
        Some((value, per)) => format!("平时{} {measure}", Language::Zh.paced(value, per)),
        None if expected > 0.0 => format!("平时每天不到 1 {measure}"),
        None => "平时没有".to_owned(),
    }
}
