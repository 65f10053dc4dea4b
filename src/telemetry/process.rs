//! Metrics of this process from the system, under the names that every Prometheus client uses.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Error, Gauge, Opts};

/// The metrics `process_*`; those that the system does not provide are left out.
#[derive(Debug)]
pub struct Process {
    cpu: Counter,
    memory: Gauge,
    descriptors: Gauge,
    start: Gauge,
}

impl Process {
    /// Metrics of this process, which started at `started_s` seconds since the Unix epoch.
    ///
    /// # Errors
    /// Only if a name is invalid, which is a bug here.
    pub fn new(started_s: f64) -> Result<Self, Error> {
        let start = Gauge::with_opts(Opts::new("process_start_time_seconds", "When the process began, Unix time."))?;
        start.set(started_s);
        Ok(Self {
            cpu: Counter::with_opts(Opts::new("process_cpu_seconds_total", "Processor time that the process took."))?,
            memory: Gauge::with_opts(Opts::new("process_resident_memory_bytes", "Memory that the process holds."))?,
            descriptors: Gauge::with_opts(Opts::new("process_open_fds", "Descriptors that are open."))?,
            start,
        })
    }

    fn look(&self) -> Option<()> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        // The process name in parentheses may hold any characters; the fields after it begin with
        // the third of proc(5).
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |i: usize| fields.get(i).and_then(|field| field.parse::<u64>().ok());
        let seconds = (ticks(11)? + ticks(12)?) as f64 / rustix::param::clock_ticks_per_second() as f64;
        self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        self.memory.set(ticks(21)? as f64 * rustix::param::page_size() as f64);
        self.descriptors.set(std::fs::read_dir("/proc/self/fd").ok()?.count() as f64);
        Some(())
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        [self.cpu.desc(), self.memory.desc(), self.descriptors.desc(), self.start.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _ = self.look();
        [self.cpu.collect(), self.memory.collect(), self.descriptors.collect(), self.start.collect()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let process = Process::new(1.0).unwrap();
        assert!(process.look().is_some());
        assert!(process.memory.get() > 1e6 && process.descriptors.get() >= 3.0, "{process:?}");
    }
}
