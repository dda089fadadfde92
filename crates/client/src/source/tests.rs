//! Sources: files of several blocks, parts, streams, and what must not go unnoticed.

use std::io::Write as _;

use pentaprism_core::BodyError;

use super::*;
use crate::progress::Counters;

/// Numbers that repeat at no block's border.
fn numbers(length: usize) -> Vec<u8> {
    (0..length).map(|index| u8::try_from(index % 251).expect("it is below 251")).collect()
}

async fn read(source: &Source) -> Result<Bytes, BodyError> {
    source.body().await.expect("it can be read").collect(u64::MAX).await
}

#[tokio::test]
async fn a_file_and_its_parts_are_read_again_and_again() {
    let bytes = numbers(1_300_000);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let source = Source::file(file.path()).await.unwrap();
    assert_eq!(source.length(), Some(1_300_000));
    for _ in 0..2 {
        assert!(read(&source).await.unwrap() == bytes);
    }
    let part = source.part(500_000..1_200_001).part(10..700_000);
    assert!(read(&part).await.unwrap() == bytes[500_010..1_200_000]);
    assert!(read(&source.part(1_300_000..9_000_000)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_file_that_changes_breaks_the_body_off() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&numbers(2_000_000)).unwrap();
    let source = Source::file(file.path()).await.unwrap();
    let mut body = source.body().await.unwrap();
    assert!(body.data().await.unwrap().is_ok());
    file.write_all(b"more").unwrap();
    let rest = body.collect(u64::MAX).await;
    assert!(
        matches!(rest, Err(BodyError::Source(error)) if matches!(error.downcast_ref(), Some(SourceError::Changed)))
    );
    file.as_file().set_len(1000).unwrap();
    assert!(matches!(read(&source).await, Err(BodyError::Source(_))));
}

#[tokio::test]
async fn what_is_no_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Source::file(folder.path()).await, Err(SourceError::NotAFile(_))));
    assert!(matches!(Source::file(folder.path().join("none")).await, Err(SourceError::Open { .. })));
}

#[tokio::test]
async fn a_stream_is_read_once_and_from_its_start() {
    let source = Source::once(Body::from("abc"), None);
    assert_eq!((source.length(), source.can_be_read_again()), (Some(3), false));
    assert!(matches!(source.part(0..1).body().await, Err(SourceError::Once)));
    assert_eq!(read(&source).await.unwrap(), "abc");
    assert!(matches!(source.body().await, Err(SourceError::Once)));
}

#[tokio::test]
async fn a_stream_of_another_length_than_announced_is_an_error() {
    for (announced, longer) in [(2, true), (4, false)] {
        let found = read(&Source::once(Body::from("abc"), Some(announced))).await;
        let Err(BodyError::Source(error)) = found else { panic!("{announced}: {found:?}") };
        let Some(SourceError::Length { said, longer: found }) = error.downcast_ref() else { panic!("{error}") };
        assert_eq!((*said, *found), (announced, longer));
    }
}

#[tokio::test]
async fn progress_is_told_and_taken_back() {
    let counters = Arc::new(Counters::default());
    let source = Source::bytes("abcdef").with_progress(counters.clone()).part(1..5);
    let (body, sent) = source.sending().await.unwrap();
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(4));
    assert_eq!(body.collect(9).await.unwrap(), "bcde");
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (4, 0));
    sent.take_back();
    assert_eq!(counters.bytes_sent(), 0);
    let (body, sent) = source.sending().await.unwrap();
    body.collect(9).await.unwrap();
    sent.acknowledge();
    sent.take_back();
    assert_eq!((counters.bytes_sent(), counters.bytes_acknowledged()), (4, 4));
}
