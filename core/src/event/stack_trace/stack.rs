//! A whole trace: which exception, and where; read line by line.

use super::{Begin, FRAME_BYTES, TraceState, name, step};
use xxhash_rust::xxh3::Xxh3;

/// Of the line that names the exception, this much is kept, in bytes.
const SAID_BYTES: usize = 256;

/// A whole trace: which exception, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// The type of the outermost exception; empty where no line names one.
    pub exception: String,
    /// A hash of the exception's type and its frames, without line numbers and addresses.
    pub fingerprint: u64,
    /// How many frames were read.
    pub frames: u32,
}

/// Reads a trace line by line. Of its lines it holds the one that names the exception, and a hash
/// of the others.
#[derive(Clone)]
pub struct StackReader {
    hash: Xxh3,
    exception: String,
    /// The line that names it, or the first.
    said: Vec<u8>,
    frames: u32,
    place: TraceState,
}

impl std::fmt::Debug for StackReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StackReader")
            .field("exception", &self.exception)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl StackReader {
    /// Behind `head`, the line before the first that goes on.
    #[must_use]
    pub fn new(head: &[u8]) -> Self {
        let mut reader = Self {
            hash: Xxh3::new(),
            exception: String::new(),
            said: Vec::new(),
            frames: 0,
            place: step(TraceState::Outside, head).place,
        };
        reader.say(head);
        reader.read_name(head);
        reader
    }

    /// Where the lines so far have led to.
    #[must_use]
    pub fn place(&self) -> TraceState {
        self.place
    }

    /// The line that names the exception; where none does, the first.
    #[must_use]
    pub fn said(&self) -> &[u8] {
        &self.said
    }

    /// Takes a line; false when it does not go on with the trace, which then is complete.
    pub fn take(&mut self, line: &[u8]) -> bool {
        let step = step(self.place, line);
        if !step.continues {
            return false;
        }
        let before = std::mem::replace(&mut self.place, step.place);
        if step.frame {
            if self.frames == 0 && self.exception.is_empty() {
                self.name(name::before_frames(&self.said).map(str::to_owned));
            }
            self.frames += 1;
            self.frame(line.trim_ascii());
        } else if before == TraceState::Python && self.place == TraceState::PythonEnd {
            // A Python traceback ends with the exception that counts; elsewhere the first one does.
            self.exception.clear();
            self.say(line);
            self.name(name::of_python(line).or_else(|| name::exception(line)).map(str::to_owned));
        } else if self.place != TraceState::Python || line.trim_ascii_start().starts_with(b"| ") {
            self.read_name(line);
        }
        true
    }

    /// The trace so far.
    #[must_use]
    pub fn stack(&self) -> Stack {
        Stack { exception: self.exception.clone(), fingerprint: self.hash.digest().max(1), frames: self.frames }
    }

    fn read_name(&mut self, line: &[u8]) {
        let Some(name) = name::exception(line) else { return };
        if self.exception.is_empty() {
            self.say(line);
        }
        self.name(Some(name.to_owned()));
    }

    fn name(&mut self, name: Option<String>) {
        let Some(name) = name else { return };
        self.hash.update(name.as_bytes());
        self.hash.update(b"\n");
        if self.exception.is_empty() {
            self.exception = name;
        }
    }

    fn say(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        self.said.clear();
        self.said.extend_from_slice(&line[..line.len().min(SAID_BYTES)]);
    }

    /// Digits are line numbers, addresses and numbers of lambdas: all of them vary without the
    /// place being another.
    fn frame(&mut self, frame: &[u8]) {
        let mut rest = &frame[..frame.len().min(FRAME_BYTES)];
        while let Some(digit) = rest.iter().position(u8::is_ascii_digit) {
            self.hash.update(&rest[..digit]);
            self.hash.update(b"#");
            // An address has letters in it: all of what follows a digit within a word goes.
            let word = rest[digit..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            rest = &rest[digit + word..];
        }
        self.hash.update(rest);
        self.hash.update(b"\n");
    }
}

/// The trace in a text of several lines, as one field holds it; none where it has no frame.
///
/// All lines belong together: what an exception says may go over several of them, so that a line
/// which goes on with nothing is passed over.
#[must_use]
pub fn stack_in(text: &[u8]) -> Option<Stack> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut reader = StackReader::new(lines.next()?);
    for line in lines {
        if reader.take(line) || reader.frames > 0 {
            continue;
        }
        if reader.exception.is_empty() || step(TraceState::Outside, line).begins != Begin::No {
            reader = StackReader::new(line);
        }
    }
    (reader.frames > 0).then(|| reader.stack())
}
