//! Connections that break after every possible number of an answer's bytes.

use std::ops::Range;

use pentaprism_client::HyperTransport;

use crate::jobs::{self, After, Exchange, Job};
use crate::server::{Act, Server, head_length, send, whole};
use crate::support::{Kind, bounded, transport};

/// What a job comes to when the exchange with this number breaks in this way, and what the server got.
pub async fn broken(transport: &HyperTransport, job: &Job, number: usize, acts: Vec<Act>) -> (jobs::End, Vec<Vec<u8>>) {
    let good = job.exchanges[..number].iter().map(|exchange| whole(exchange.answer.clone()));
    let after = job.answers_after(number).into_iter().map(whole);
    let server = Server::start(good.chain([acts]).chain(after)).await;
    let end = bounded(job.run(transport, server.address)).await;
    (end, server.finish())
}

/// What the counters have to show.
pub fn counted(job: &Job, failed: bool) -> (u64, u64) {
    let length = if failed { 0 } else { job.source.len() as u64 };
    (length, length)
}

#[tokio::test]
async fn good_courses_are_good() {
    for job in jobs::all() {
        let server = Server::start(job.exchanges.iter().map(|exchange| whole(exchange.answer.clone()))).await;
        let end = bounded(job.run(&transport(), server.address)).await;
        assert_eq!((end.failure, end.counted), (None, counted(&job, false)), "{}", job.name);
        assert_eq!(server.finish().len(), job.exchanges.len(), "{}", job.name);
    }
}

/// Cuts the exchange with this number of `job` after `kept` bytes of its answer.
async fn cut(transport: &HyperTransport, job: &Job, number: usize, kept: usize, end: Act) {
    let Exchange { answer, after } = &job.exchanges[number];
    let context = format!("{} {number} after {kept} of {} bytes, {end:?}", job.name, answer.len());
    let acts = vec![Act::ReadAll, send(answer[..kept].to_vec()), end];
    let (end, got) = broken(transport, job, number, acts).await;
    let head = head_length(answer).unwrap();
    let expected = match after {
        After::Fails(_) => Some(if kept < head { Kind::NoAnswer } else { Kind::Broken }),
        After::Again | After::Succeeds(_) => None,
    };
    assert_eq!(end.failure, expected, "{context}");
    assert_eq!(end.counted, counted(job, expected.is_some()), "{context}");
    match after {
        After::Again => assert_eq!(got[number], got[number + 1], "{context}: the same request comes again"),
        After::Fails(answers) => assert_eq!(got.len(), number + 1 + answers.len(), "{context}: and nothing else"),
        After::Succeeds(_) => {}
    }
}

/// All cuts of these exchanges of the job at this place of the list.
async fn cut_everywhere(place: usize, exchanges: Range<usize>) {
    let (job, transport) = (&jobs::all()[place], transport());
    assert!(exchanges.end <= job.exchanges.len());
    for number in exchanges {
        for kept in 0..job.exchanges[number].answer.len() {
            cut(&transport, job, number, kept, Act::Close).await;
            if kept % 16 == 0 {
                cut(&transport, job, number, kept, Act::Reset).await;
            }
        }
    }
}

macro_rules! everywhere {
    ($($name:ident: $place:expr, $exchanges:expr;)*) => {
        $(#[tokio::test]
        async fn $name() {
            cut_everywhere($place, $exchanges).await;
        })*
    };
}

everywhere! {
    glance_sends_again: 0, 0..3;
    glance_finds_that_it_arrived: 1, 1..2;
    azure_sphere: 2, 0..3;
    saved_views: 3, 0..2;
    pingone: 4, 0..2;
    service_fabric_in_one_request: 5, 0..2;
    service_fabric_chunks_are_sent_again: 6, 0..6;
    service_fabric_chunks_that_arrived_are_not: 7, 1..2;
}
