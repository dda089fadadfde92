//! What is told where, and what is not.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use pentaprism_client::Progress as _;

use super::*;
use crate::remote::entry::Kind;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A pipe whose reader has gone, or a full disk.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const PLAIN: Look =
    Look { json: false, quiet: false, bars: false, output_taken: false, output: Paint::NONE, errors: Paint::NONE };

struct Told {
    reporter: Arc<Reporter>,
    output: Written,
    errors: Written,
    seconds: Arc<AtomicU64>,
}

fn told(look: Look) -> Told {
    let (output, errors, seconds) = (Written::default(), Written::default(), Arc::new(AtomicU64::new(0)));
    let streams = Streams { output: Box::new(output.clone()), errors: Box::new(errors.clone()) };
    let (start, passed) = (Instant::now(), Arc::clone(&seconds));
    let ticks = Arc::new(move || start + Duration::from_secs(passed.load(Ordering::Relaxed)));
    Told { reporter: Reporter::new(look, streams, ticks), output, errors, seconds }
}

fn copied() -> Copied {
    Copied { from: "a\u{1b}.raw".into(), to: "glance:7".into(), bytes: 5, verified: Some("md5"), entry: None }
}

/// Everything that a reporter can tell, as both streams have it.
fn everything(look: Look) -> String {
    let Told { reporter, output, errors, seconds } = told(look);
    let transfer = reporter.transfer("a\u{1b}.raw", "glance:7", Some(100 << 20));
    for second in [1, 10, 11, 25] {
        seconds.store(second, Ordering::Relaxed);
        transfer.sent(25 << 20);
    }
    transfer.acknowledged(100 << 20);
    transfer.end(true);
    reporter.copied(&copied()).unwrap();
    reporter.passed_over("b", "glance:8");
    reporter.removed("glance:9").unwrap();
    reporter.waited("glance:10", true, None).unwrap();
    let advice = Some("set it".to_owned());
    let check = Check { check: "token".into(), outcome: CheckOutcome::Failed, found: "none".into(), advice };
    reporter.checked(&Check { outcome: CheckOutcome::Ok, advice: None, ..check.clone() }).unwrap();
    reporter.checked(&check).unwrap();
    reporter.list(&[Entry::new("sf:a".parse().unwrap(), Kind::File)], false).unwrap();
    assert!(reporter.tell(Failure::new(FailureKind::NotFound, "it is not there")).told);
    drop(reporter.tell(Failure::unread()));
    format!("output:\n{}errors:\n{}", output.text(), errors.text())
}

#[test]
fn results_are_on_standard_output_and_the_rest_is_not() {
    insta::assert_snapshot!("lines", everything(PLAIN));
    insta::assert_snapshot!("quiet", everything(Look { quiet: true, ..PLAIN }));
    insta::assert_snapshot!("json", everything(Look { json: true, ..PLAIN }));
}

#[test]
fn beside_an_image_on_standard_output_stands_nothing() {
    for json in [false, true] {
        let Told { reporter, output, errors, .. } = told(Look { json, output_taken: true, ..PLAIN });
        reporter.copied(&copied()).unwrap();
        assert_eq!(output.text(), "");
        assert!(errors.text().contains("glance:7"), "{}", errors.text());
    }
}

#[test]
fn a_reader_that_has_gone_is_no_failure_and_a_full_disk_is() {
    for (kind, well) in [(io::ErrorKind::BrokenPipe, true), (io::ErrorKind::StorageFull, false)] {
        let streams = Streams { output: Box::new(Broken(kind)), errors: Box::new(Broken(kind)) };
        let reporter = Reporter::new(PLAIN, streams, Arc::new(Instant::now));
        assert_eq!(reporter.copied(&copied()).is_ok(), well);
        assert_eq!(reporter.is_unread(), well);
    }
}

#[test]
fn where_chunks_are_answered_for_they_count() {
    let Told { reporter, errors, seconds, .. } = told(PLAIN);
    let transfer = reporter.transfer("a", "sf:a", Some(400));
    transfer.begin_at(100);
    transfer.sent(300);
    transfer.acknowledged(100);
    seconds.store(10, Ordering::Relaxed);
    transfer.taken_back(50);
    assert!(errors.text().ends_with("a -> sf:a: 200 B of 400 B, 50 %, 10 B/s, 0:20 left\n"), "{}", errors.text());
    seconds.store(20, Ordering::Relaxed);
    transfer.sent(50);
    assert!(errors.text().ends_with("50 %, waiting for the service\n"), "{}", errors.text());
    drop(transfer);
    assert!(!errors.text().contains("done"));
}

#[test]
fn bars_leave_nothing_behind_but_the_end() {
    // Standard error is no terminal here, so that nothing is drawn; what is counted is.
    let Told { reporter, output, .. } = told(Look { bars: true, ..PLAIN });
    reporter.expect(2, Some(300));
    let transfers = ["a", "b"].map(|name| reporter.transfer(name, "sf:x", Some(150)));
    transfers[0].received(150);
    transfers[0].end(true);
    transfers[1].sent(100);
    transfers[1].taken_back(100);
    drop(transfers);
    reporter.copied(&copied()).unwrap();
    reporter.close();
    assert_eq!(output.text(), "glance:7\n");
}

#[test]
fn warnings_are_shown_even_to_whom_is_quiet() {
    for (look, expected) in [
        (Look { quiet: true, ..PLAIN }, "warning: a secret travels\n"),
        (Look { quiet: true, json: true, ..PLAIN }, "{\"warning\":\"a secret travels\"}\n"),
        (PLAIN, "warning: a secret travels\n"),
    ] {
        let Told { reporter, output, errors, .. } = told(look);
        reporter.note("in passing");
        errors.0.lock().unwrap().clear();
        reporter.warn("a secret travels");
        assert_eq!((output.text().as_str(), errors.text().as_str()), ("", expected));
    }
}
