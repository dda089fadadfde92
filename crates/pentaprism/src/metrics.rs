//! What the server counts, in the text form that Prometheus reads.

use std::fmt::{self, Write as _};
use std::time::Duration;

use pentaprism_store::Statistics;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// Upper ends of the classes of latencies, in seconds: from an answer out of memory to an upload of many gigabytes.
const LATENCIES: [f64; 15] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0];

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    latencies: Family<Answered, Histogram>,
    received: Family<Operation, Counter>,
    sent: Family<Operation, Counter>,
    running: Family<Dialect, Gauge>,
}

/// What a request was and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    dialect: &'static str,
    operation: &'static str,
    status: Status,
}

/// What a request was.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Operation {
    dialect: &'static str,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dialect {
    dialect: &'static str,
}

/// The status of an answer; absent when the client went away before there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Status(Option<u16>);

impl EncodeLabelValue for Status {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self.0 {
            Some(status) => write!(encoder, "{status}"),
            None => encoder.write_str("dropped"),
        }
    }
}

/// One request that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// Who answered.
    pub(crate) dialect: &'static str,
    /// The operation's name, `-` when it matched none.
    pub(crate) operation: &'static str,
    /// The answer's status, if there was an answer.
    pub(crate) status: Option<u16>,
    /// Bytes of its body.
    pub(crate) received: u64,
    /// Bytes of the answer's body.
    pub(crate) sent: u64,
    /// From its head to the last byte of its answer.
    pub(crate) took: Duration,
}

impl Metrics {
    /// Nothing was counted yet.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("pentaprism");
        let requests = Family::<Answered, Counter>::default();
        registry.register("requests", "Requests that are over, by how they ended", requests.clone());
        let latencies = Family::<Answered, Histogram>::new_with_constructor(|| Histogram::new(LATENCIES));
        let about = "Time from the head of a request to the last byte of its answer";
        registry.register_with_unit("request_duration", about, Unit::Seconds, latencies.clone());
        let received = Family::<Operation, Counter>::default();
        registry.register_with_unit("received", "Bytes of the bodies of requests", Unit::Bytes, received.clone());
        let sent = Family::<Operation, Counter>::default();
        registry.register_with_unit("sent", "Bytes of the bodies of answers", Unit::Bytes, sent.clone());
        let running = Family::<Dialect, Gauge>::default();
        registry.register("requests_running", "Requests that are not over", running.clone());
        Self { registry, requests, latencies, received, sent, running }
    }

    /// All metrics as text, with the store's own numbers when it can be asked for them.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "writing to a string cannot fail")]
    pub fn text(&self, store: Option<&Statistics>) -> String {
        let store = store.map(registry_of).unwrap_or_default();
        let mut text = String::new();
        let written = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &store))
            .and_then(|()| encode_eof(&mut text));
        written.expect("writing to a string cannot fail");
        text
    }

    /// A request began.
    pub(crate) fn begin(&self, dialect: &'static str) {
        self.running.get_or_create(&Dialect { dialect }).inc();
    }

    /// A request is over.
    pub(crate) fn end(&self, ended: Ended) {
        let Ended { dialect, operation, status, received, sent, took } = ended;
        self.running.get_or_create(&Dialect { dialect }).dec();
        let answered = Answered { dialect, operation, status: Status(status) };
        self.requests.get_or_create(&answered).inc();
        self.latencies.get_or_create(&answered).observe(took.as_secs_f64());
        let operation = Operation { dialect, operation };
        self.received.get_or_create(&operation).inc_by(received);
        self.sent.get_or_create(&operation).inc_by(sent);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The store's numbers, which it counts itself.
fn registry_of(store: &Statistics) -> Registry {
    let mut registry = Registry::with_prefix("pentaprism_store");
    let gauges = [
        ("uploads_running", "Bodies and chunks that are being received", None, store.uploads),
        ("open_sessions", "Upload sessions that are open", None, store.open_sessions),
        ("names", "Names of all dialects, files of trees among them", None, store.names),
        ("contents", "Stored contents that names have", None, store.contents),
        ("stored", "What these contents take on the disk", Some(Unit::Bytes), store.bytes),
        ("unreferenced_contents", "Contents that wait to be freed", None, store.doomed),
        (
            "unreferenced",
            "What these contents take on the disk, as far as known",
            Some(Unit::Bytes),
            store.doomed_bytes,
        ),
        ("expired_sessions", "Upload sessions that expired since the last sweep", None, store.expired_sessions),
        ("damaged_contents", "Contents that were found damaged and wait for their bytes", None, store.damaged),
        ("orphans", "Files that no row names, set aside for a day", None, store.orphans),
        ("orphans", "What these files take on the disk", Some(Unit::Bytes), store.orphan_bytes),
        ("packed", "Small contents in packs, asked for once an hour", Some(Unit::Bytes), store.packed_bytes),
        (
            "packs_dead",
            "What packs take beyond those, asked for once an hour",
            Some(Unit::Bytes),
            store.pack_dead_bytes,
        ),
    ];
    for (name, help, unit, value) in gauges {
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, gauge),
            None => registry.register(name, help, gauge),
        }
    }
    let counters = [
        ("sweeps", "Looks for contents that can be freed, since the start", None, store.sweeps),
        ("sweeps_failed", "Those of them that left something for the next one", None, store.failed_sweeps),
        ("freed_contents", "Contents that were freed since the start", None, store.freed),
        ("freed", "What these contents took on the disk", Some(Unit::Bytes), store.freed_bytes),
    ];
    for (name, help, unit, value) in counters {
        let counter = ConstCounter::new(value);
        match unit {
            Some(unit) => registry.register_with_unit(name, help, unit, counter),
            None => registry.register(name, help, counter),
        }
    }
    registry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_dialect_operation_and_status() {
        let metrics = Metrics::new();
        let took = Duration::from_millis(3);
        let ended = Ended { dialect: "glance", operation: "ShowImage", status: Some(200), received: 0, sent: 5, took };
        for ended in [ended, ended, Ended { status: None, received: 7, ..ended }] {
            metrics.begin("glance");
            metrics.end(ended);
        }
        metrics.begin("pingone");
        let text = metrics.text(Some(&Statistics { bytes: 9, sweeps: 4, ..Statistics::default() }));
        for line in [
            "pentaprism_requests_total{dialect=\"glance\",operation=\"ShowImage\",status=\"200\"} 2",
            "pentaprism_requests_total{dialect=\"glance\",operation=\"ShowImage\",status=\"dropped\"} 1",
            "pentaprism_request_duration_seconds_bucket{le=\"0.005\",dialect=\"glance\",operation=\"ShowImage\",status=\"200\"} 2",
            "pentaprism_received_bytes_total{dialect=\"glance\",operation=\"ShowImage\"} 7",
            "pentaprism_sent_bytes_total{dialect=\"glance\",operation=\"ShowImage\"} 15",
            "pentaprism_requests_running{dialect=\"glance\"} 0",
            "pentaprism_requests_running{dialect=\"pingone\"} 1",
            "pentaprism_store_stored_bytes 9",
            "pentaprism_store_sweeps_total 4",
        ] {
            assert!(text.lines().any(|other| other == line), "no `{line}` in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        assert!(!metrics.text(None).contains("pentaprism_store"));
    }
}
