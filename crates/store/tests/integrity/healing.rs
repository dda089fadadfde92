//! Bytes that are uploaded again take the place of damaged ones; nothing is ever shared with damaged ones.

use pentaprism_store::{Remedy, Verdict};

use super::*;

const SIZES: [usize; 2] = [1_000, 2_500_000];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_uploaded_again_heal_what_a_check_found_damaged() {
    for size in SIZES {
        let place = Place::new();
        let bytes = pattern(3, size);
        let store = place.usual().await;
        put(&store, "a", &bytes).await;
        put(&store, "b", &bytes).await;
        store.sweep().await.unwrap();
        close(store).await;
        place.damage("a", size as u64 - 1);
        let report = place.repair().await;
        assert_eq!((report.verdict(), report.problems.len()), (Verdict::Damaged, 1), "{report:?}");
        assert!(
            matches!(&report.problems[0].remedy, Remedy::Beyond(advice) if advice.contains("upload the same bytes again"))
        );
        let store = place.usual().await;
        assert_eq!(store.statistics().await.unwrap().damaged, 1);
        let before = content(&store, "a").await;
        put(&store, "c", &bytes).await;
        for path in ["a", "b", "c"] {
            assert_eq!(content(&store, path).await, before, "all names have the one content");
            assert_eq!(read(&store, path).await.unwrap(), bytes, "{path} of {size}");
        }
        let numbers = store.statistics().await.unwrap();
        assert_eq!((numbers.damaged, numbers.contents, numbers.doomed), (0, 1, 1), "the damaged bytes are freed");
        store.sweep().await.unwrap();
        assert_eq!(store.statistics().await.unwrap().doomed, 0);
        close(store).await;
        assert_eq!(place.check().await.verdict(), Verdict::Clean);
        let store = place.usual().await;
        assert_eq!(place.names("orphans"), Vec::<String>::new(), "bytes under another id are known all the same");
        assert_eq!(read(&store, "b").await.unwrap(), bytes);
        store.apply(Change::new().delete_path(&tree(), "")).await.unwrap();
        store.sweep().await.unwrap();
        assert_eq!((store.garbage().await.unwrap(), place.names("files").len()), (vec![], 0));
        close(store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_reader_met_is_healed_without_any_check() {
    for size in SIZES {
        let place = Place::new();
        let bytes = pattern(4, size);
        let store = place.usual().await;
        put(&store, "a", &bytes).await;
        place.damage("a", 0);
        let error = read(&store, "a").await.unwrap_err();
        assert!(matches!(error, ReadError::Damaged { offset: 0 }), "{error:?}");
        marked(&store, 1).await;
        put(&store, "b", &bytes).await;
        assert_eq!(read(&store, "a").await.unwrap(), bytes);
        assert_eq!(store.fsck().await.unwrap().problems, []);
        close(store).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_gone_comes_back_with_its_bytes() {
    let place = Place::new();
    let bytes = pattern(5, 2_500_000);
    let store = place.usual().await;
    put(&store, "a", &bytes).await;
    close(store).await;
    fs::remove_file(place.bytes_of("a", 0).0).unwrap();
    let report = place.repair().await;
    assert!(
        report.problems[0].what.contains("content of toy:files:a (")
            && report.problems[0].what.ends_with(" is missing"),
        "{report:?}"
    );
    let store = place.usual().await;
    put(&store, "b", &bytes).await;
    assert_eq!(read(&store, "a").await.unwrap(), bytes);
    store.sweep().await.unwrap();
    assert_eq!(store.fsck().await.unwrap().problems, []);
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_in_pieces_is_healed_by_a_whole_body() {
    let place = Place::new();
    let bytes = pattern(6, 3_000_000);
    let store = place.usual().await;
    put_in_chunks(&store, 1, "a", &bytes).await;
    fingerprinted(&place, &store).await;
    place.damage("a", 2_900_000);
    let error = read(&store, "a").await.unwrap_err();
    assert!(matches!(error, ReadError::Damaged { offset: 2_548_576 }), "its second block of 1 MiB: {error:?}");
    marked(&store, 1).await;
    put(&store, "b", &bytes).await;
    assert_eq!(read(&store, "a").await.unwrap(), bytes);
    store.sweep().await.unwrap();
    assert_eq!(place.names("files").len(), 1);
    assert_eq!(store.fsck().await.unwrap().problems, []);
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_content_of_another_way_is_healed_as_well() {
    // A session is never packed: the new bytes come into a pack, the damaged ones go with their file.
    let place = Place::new();
    let bytes = pattern(7, 2_000);
    let store = place.usual().await;
    put_in_chunks(&store, 1, "a", &bytes).await;
    fingerprinted(&place, &store).await;
    place.damage("a", 10);
    assert!(read(&store, "a").await.is_err());
    marked(&store, 1).await;
    put(&store, "b", &bytes).await;
    assert_eq!(read(&store, "a").await.unwrap(), bytes);
    store.sweep().await.unwrap();
    assert_eq!((place.names("files").len(), place.names("packs").len()), (0, 1));
    close(store).await;
    assert_eq!(place.check().await.verdict(), Verdict::Clean);
}
