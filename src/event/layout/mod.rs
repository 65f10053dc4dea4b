//! stub
#![allow(missing_docs)]
use super::time::{TimeContext, Timestamp};
use std::ops::Range;
#[derive(Clone, Debug, Default)]
pub struct Laid {
    pub layout: &'static str,
    pub time: Option<Timestamp>,
    pub level: Option<super::Level>,
    pub level_text: Range<usize>,
    pub message: Range<usize>,
    pub members: Vec<Member>,
    pub header: Range<usize>,
}
#[derive(Clone, Debug)]
pub struct Member {
    pub name: Name,
    pub value: Range<usize>,
    pub form: Form,
}
#[derive(Clone, Debug)]
pub enum Name {
    Known(&'static str),
    Written(Range<usize>),
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Number,
    Quoted,
}
pub fn read(line: &[u8], _: &mut TimeContext, laid: &mut Laid) -> bool {
    *laid = Laid { message: 0..line.len(), ..Laid::default() };
    false
}
