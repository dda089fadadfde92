//! Which part of an image a request asks for.

use super::*;

fn asked(range: Option<&str>, content_range: Option<&str>) -> Result<Option<Range<u64>>, u16> {
    let input = DownloadImageData {
        range: range.map(str::to_owned),
        content_range: content_range.map(str::to_owned),
        ..DownloadImageData::default()
    };
    asked_range(&input, 110).map_err(|fault| fault.status.get().as_u16())
}

#[test]
fn ranges_are_cut_refused_or_taken() {
    for (range, expected) in [
        ("bytes=0-4", Ok(Some(0..5))),
        ("bytes=100-", Ok(Some(100..110))),
        ("bytes=-5", Ok(Some(105..110))),
        ("bytes=100-500", Ok(Some(100..110))),
        ("bytes=110-", Err(416)),
        ("bytes=-0", Err(416)),
        ("bytes=4-3", Err(416)),
        ("lines=0-4", Err(416)),
        ("", Err(416)),
        ("bytes=0-1,3-4", Err(400)),
    ] {
        assert_eq!(asked(Some(range), None), expected, "{range}");
    }
}

#[test]
fn an_old_clients_content_range_counts_when_there_is_no_range() {
    assert_eq!(asked(None, None), Ok(None));
    assert_eq!(asked(None, Some("bytes 0-4/110")), Ok(Some(0..5)));
    assert_eq!(asked(None, Some("bytes 5-9/*")), Ok(Some(5..10)));
    assert_eq!(asked(None, Some("bytes 100-500/1000")), Ok(Some(100..110)));
    assert_eq!(asked(None, Some("bytes 110-111/1000")), Err(416));
    assert_eq!(asked(None, Some("bytes */110")), Err(416));
    assert_eq!(asked(Some("bytes=0-0"), Some("bytes 0-4/110")), Ok(Some(0..1)));
}
