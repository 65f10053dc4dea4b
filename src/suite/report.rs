//! Results of tests: for people, and as JUnit XML for CI.

use super::expectation::Mismatch;
use crate::plain::{plain, steers};
use std::fmt::Write;

/// The result of one test.
#[derive(Clone, Debug)]
pub struct TestVerdict {
    /// The file of the test.
    pub path: String,
    /// The line of the test in the file; 0 if unknown.
    pub line: usize,
    /// The statement that the test checks.
    pub name: String,
    /// The differences; empty if the test passed.
    pub mismatch: Mismatch,
    /// How long the test took, in seconds.
    pub seconds: f64,
}

/// The results of all tests.
#[derive(Clone, Debug, Default)]
pub struct TestReport {
    /// The results in the order in which the tests ran.
    pub verdicts: Vec<TestVerdict>,
}

impl TestReport {
    /// How many tests failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.verdicts.iter().filter(|verdict| !verdict.mismatch.is_none()).count()
    }

    /// The failed tests with their differences, and a final line with counts.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for verdict in self.verdicts.iter().filter(|verdict| !verdict.mismatch.is_none()) {
            let _ = writeln!(text, "{}: {}\n{}", plain(&verdict.place()), plain(&verdict.name), verdict.difference());
        }
        let _ = writeln!(text, "{} passed, {} failed", self.verdicts.len() - self.failed(), self.failed());
        text
    }

    /// The results as JUnit XML, with one suite for each file.
    #[must_use]
    pub fn junit(&self) -> String {
        let seconds = |verdicts: &[TestVerdict]| verdicts.iter().map(|verdict| verdict.seconds).sum::<f64>();
        let failed = |verdicts: &[TestVerdict]| verdicts.iter().filter(|verdict| !verdict.mismatch.is_none()).count();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let counts = |verdicts: &[TestVerdict]| {
            let (tests, failed, seconds) = (verdicts.len(), failed(verdicts), seconds(verdicts));
            format!("tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" time=\"{seconds:.3}\"")
        };
        let _ = writeln!(xml, "<testsuites name=\"seismolog test\" {}>", counts(&self.verdicts));
        for verdicts in self.verdicts.chunk_by(|a, b| a.path == b.path) {
            let path = escaped(&verdicts[0].path);
            let _ = writeln!(xml, "  <testsuite name=\"{path}\" {}>", counts(verdicts));
            for verdict in verdicts {
                let (name, seconds) = (escaped(&verdict.name), verdict.seconds);
                let _ = write!(xml, "    <testcase name=\"{name}\" classname=\"{path}\" time=\"{seconds:.3}\"");
                if verdict.mismatch.is_none() {
                    xml.push_str("/>\n");
                } else {
                    let (place, difference) = (escaped(&verdict.place()), escaped(&verdict.difference()));
                    let _ =
                        writeln!(xml, ">\n      <failure message=\"{place}\">{difference}</failure>\n    </testcase>");
                }
            }
            xml.push_str("  </testsuite>\n");
        }
        xml.push_str("</testsuites>\n");
        xml
    }
}

impl TestVerdict {
    fn place(&self) -> String {
        if self.line > 0 { format!("{}:{}", self.path, self.line) } else { self.path.clone() }
    }

    fn difference(&self) -> String {
        let mut text = String::new();
        for (expected, differences) in &self.mismatch.missing {
            let _ = writeln!(text, "  - {}", plain(expected));
            if differences.is_empty() {
                text.push_str("      nothing of this kind came\n");
            }
            for difference in differences {
                let _ = writeln!(text, "      {}", plain(difference));
            }
        }
        for came in &self.mismatch.unexpected {
            let _ = writeln!(text, "  + {}", plain(came));
        }
        text
    }
}

/// Escapes text for XML. Control characters, which XML cannot represent, become the replacement
/// character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if steers(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
