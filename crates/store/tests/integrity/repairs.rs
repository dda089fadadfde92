//! What a check says and leaves as it is, and what a repair sets right.

use pentaprism_store::{Condition, NameKey, NewContent, NewName, Remedy, Verdict};

use super::*;

fn possible(report: &FsckReport) -> Vec<&str> {
    let possible = |remedy: &Remedy| matches!(remedy, Remedy::Possible(_));
    report.problems.iter().filter(|problem| possible(&problem.remedy)).map(|problem| problem.what.as_str()).collect()
}

async fn fill(place: &Place) {
    let store = place.usual().await;
    put(&store, "App/Code/a", &pattern(1, 1_000)).await;
    put(&store, "App/b", &pattern(2, 2_500_000)).await;
    put(&store, "App/c", &pattern(1, 1_000)).await;
    let image = NewName::new(NameKey::new("toy", "things", "image"), "active").content(NewContent::Uploaded);
    let mut upload = store.begin(UploadRequest::new(Account::new("toy", "things"))).await.unwrap();
    upload.push(pattern(3, 5_000)).await.unwrap();
    upload.finish().await.unwrap().commit(Change::new().create(image)).await.unwrap();
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_changes_nothing() {
    let place = Place::new();
    fill(&place).await;
    let store = place.usual().await;
    let session = ChunkRequest {
        session: Uuid::from_u128(9),
        tree: tree(),
        path: "unfinished".into(),
        total: 100_000,
        first: 0,
        last: 99,
        quota: None,
    };
    let mut chunk = store.begin_chunk(session).await.unwrap();
    chunk.push(pattern(8, 100)).await.unwrap();
    chunk.finish().await.unwrap();
    put(&store, "doomed", &pattern(9, 5_000)).await;
    store.apply(Change::new().delete_path(&tree(), "doomed")).await.unwrap();
    close(store).await;
    place.damage("App/b", 1_500_000);
    place.change_rows("UPDATE usage SET bytes = bytes + 1");
    place.change_rows(
        "INSERT INTO writer (id, state, dialect, account, blob, received, ranges, reserved, touched)
                       SELECT x'01', 0, 'toy', 'files', x'02', 0, 0, 0, 1",
    );
    fs::write(place.path().join("files").join("00000000000000000000000000000007"), b"who knows").unwrap();
    place.clock.advance(Duration::from_hours(48));
    let files = |place: &Place| {
        let mut all = ["files", "packs", "orphans"].map(|folder| {
            let mut names = place.names(folder);
            names.sort();
            names
        });
        all.sort();
        all
    };
    let before = (place.dump(), files(&place));
    let report = place.check().await;
    assert_eq!(report.verdict(), Verdict::Damaged);
    let store = place.open(Purpose::Inspect).await;
    let litter = store.litter().await.unwrap();
    assert_eq!((litter.contents.len(), litter.sessions.len(), litter.sessions[0].path.as_str()), (1, 1, "unfinished"));
    assert!(litter.sessions[0].bytes > 0 && litter.sessions[0].touched.plus(Duration::from_hours(48)) == litter.now);
    close(store).await;
    assert_eq!((place.dump(), files(&place)), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_is_told_with_its_block_its_place_and_all_names() {
    let place = Place::new();
    fill(&place).await;
    place.damage("App/b", 1_500_000);
    place.damage("App/b", 2_400_000);
    place.damage("App/c", 17);
    let (pack, offset) = place.bytes_of("App/c", 0);
    let (file, _) = place.bytes_of("App/b", 0);
    let id = |path: &Path| Uuid::try_parse(path.file_name().unwrap().to_str().unwrap()).unwrap();
    let report = place.check().await;
    let told: Vec<&str> = report.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let large = format!("the blocks at 1048576, 2097152 are damaged, in file {} at 1048576", id(&file));
    let small = format!("the block at 0 is damaged, in pack {} at {offset}", id(&pack));
    let tells = |names: &str, end: &str| told.iter().any(|told| told.starts_with(names) && told.ends_with(end));
    assert!(tells("content of toy:files:App/b (", &large), "{told:?}");
    assert!(tells("content of toy:files:App/Code/a, toy:files:App/c (", &small), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counters_and_links_are_made_to_agree_again() {
    let place = Place::new();
    fill(&place).await;
    let whole = place.dump();
    for (sql, complaint) in [
        ("UPDATE blob SET refs = refs + 1", "blob has another number of names than it counts"),
        ("UPDATE folder SET files = 7 WHERE path = 'App'", "folder counts other files or bytes than lie below it"),
        ("UPDATE folder SET bytes = 7 WHERE path = ''", "root counts other files or bytes than its tree has"),
        ("DELETE FROM folder WHERE path = 'App/Code'", "file lies in a folder that is not kept"),
        ("UPDATE usage SET bytes = 1 WHERE scope = 'files'", "account counts other bytes than its names have"),
        ("DELETE FROM usage WHERE scope = 'things'", "account counts other bytes than its names have"),
        ("UPDATE usage SET reserved = 5", "account has reserved other bytes than its writers"),
        ("UPDATE store SET names = 0", "store counts other names than it has"),
        ("UPDATE store SET bytes = 1, doomed = 4", "store counts other contents or bytes than it has"),
        ("UPDATE name SET size = 3 WHERE key = 'App/b'", "name has another size than its content"),
        ("UPDATE blob SET state = 2 WHERE size = 1000", "name points at bytes that are on their way out"),
    ] {
        place.change_rows(sql);
        let told = place.check().await;
        assert!(possible(&told).iter().any(|what| what.starts_with(complaint)), "{sql}: {told:?}");
        assert_eq!(told.verdict(), Verdict::Damaged, "nothing is repaired without being asked for");
        let report = place.repair().await;
        assert_eq!(report.verdict(), Verdict::Repaired, "{sql}: {report:?}");
        assert_eq!(place.check().await.problems, [], "{sql}");
        let batches =
            |dump: &str| dump.lines().filter(|line| !line.starts_with("store")).collect::<Vec<_>>().join("\n");
        assert_eq!(batches(&place.dump()), batches(&whole), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_nobodys_goes() {
    let place = Place::new();
    fill(&place).await;
    let stranger = "00000000000000000000000000000007";
    for folder in ["files", "packs"] {
        fs::write(place.path().join(folder).join(stranger), b"who knows").unwrap();
    }
    place.change_rows("INSERT INTO blob (id, state, size, refs) VALUES (x'00000000000000000000000000000008', 0, 0, 0)");
    place.change_rows(
        "INSERT INTO segment (id, blob, position, length, packed, container, offset, checksums, state)
         VALUES (x'00', x'00000000000000000000000000000009', 0, 1, 0, x'00000000000000000000000000000009', 0, x'', 1)",
    );
    place.change_rows("DELETE FROM name WHERE key = 'image'");
    let told = place.check().await;
    let expected = [
        "blob has no name and does not wait to be freed",
        "segment belongs to no blob",
        "no row names file 00000000-0000-0000-0000-000000000007",
        "no row names pack 00000000-0000-0000-0000-000000000007",
    ];
    for what in expected {
        assert!(possible(&told).iter().any(|told| told.starts_with(what)), "{what}: {told:?}");
    }
    assert_eq!(place.names("orphans"), Vec::<String>::new());
    assert_eq!(place.repair().await.verdict(), Verdict::Repaired);
    assert_eq!(place.check().await.problems, []);
    assert_eq!(place.names("orphans").len(), 2);
    let store = place.usual().await;
    store.sweep().await.unwrap();
    let numbers = store.statistics().await.unwrap();
    assert_eq!((numbers.doomed, numbers.contents, numbers.orphans), (0, 2, 2), "{numbers:?}");
    let (litter, now) = (store.litter().await.unwrap(), store.now());
    assert!(litter.orphans.iter().all(|orphan| orphan.since == now && orphan.name.ends_with(stranger)), "{litter:?}");
    assert_eq!(litter.orphans.iter().map(|orphan| orphan.bytes).sum::<u64>(), numbers.orphan_bytes);
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_without_bytes_stay_and_are_told() {
    let place = Place::new();
    fill(&place).await;
    place.change_rows("DELETE FROM segment WHERE blob = (SELECT blob FROM name WHERE key = 'App/b')");
    place.change_rows("DELETE FROM blob WHERE id = (SELECT blob FROM name WHERE key = 'App/b')");
    let report = place.repair().await;
    assert_eq!(report.verdict(), Verdict::Damaged);
    let told = report
        .problems
        .iter()
        .find(|problem| problem.what == "name points at bytes that are not there: \"toy:files:App/b\"");
    assert!(matches!(&told.unwrap().remedy, Remedy::Beyond(advice) if advice.contains("upload it anew")), "{report:?}");
    let store = place.usual().await;
    assert!(matches!(read(&store, "App/b").await, Err(ReadError::Gone)));
    put(&store, "App/b", &pattern(2, 10_000)).await;
    close(store).await;
    assert_eq!(place.check().await.problems, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_that_is_missing_or_cut_is_told_with_what_was_in_it() {
    let place = Place::new();
    fill(&place).await;
    let (pack, _) = place.bytes_of("App/c", 0);
    let lost = fs::read(&pack).unwrap();
    fs::File::options().write(true).open(&pack).unwrap().set_len(999).unwrap();
    let report = place.check().await;
    let tells = |report: &FsckReport, end: &str| {
        report.problems.iter().any(|problem| problem.what.starts_with("pack ") && problem.what.ends_with(end))
    };
    assert!(tells(&report, " ends at 999, its rows reach to 1000"), "{report:?}");
    fs::remove_file(&pack).unwrap();
    let report = place.check().await;
    assert!(tells(&report, " with 1 contents of 1000 bytes is missing"), "{report:?}");
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.what.starts_with("content of toy:files:App/Code/a, toy:files:App/c ("))
    );
    fs::write(&pack, lost).unwrap();
    assert_eq!(place.check().await.problems, [], "a backup brings it back");
}

/// A store whose files `one` and `other` have contents of their own with the same bytes: sessions are not compared with what is stored.
async fn with_two_equal_contents(place: &Place, bytes: &Bytes) -> Store {
    let store = place.usual().await;
    put_in_chunks(&store, 1, "one", bytes).await;
    put_in_chunks(&store, 2, "other", bytes).await;
    fingerprinted(place, &store).await;
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_a_damaged_content_get_an_equal_one() {
    let place = Place::new();
    let bytes = pattern(5, 3_000_000);
    let store = with_two_equal_contents(&place, &bytes).await;
    assert_ne!(content(&store, "one").await, content(&store, "other").await);
    close(store).await;
    place.damage("one", 1_000_000);
    let told = place.check().await;
    assert_eq!(possible(&told).len(), 1, "{told:?}");
    assert_eq!(place.repair().await.verdict(), Verdict::Repaired);
    assert_eq!(place.check().await.problems, []);
    let store = place.usual().await;
    assert_eq!(content(&store, "one").await, content(&store, "other").await);
    assert_eq!(read(&store, "one").await.unwrap(), bytes);
    store.sweep().await.unwrap();
    assert_eq!((store.statistics().await.unwrap().doomed, place.names("files").len()), (0, 1));
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equal_that_is_damaged_too_is_no_help() {
    let place = Place::new();
    let bytes = pattern(5, 3_000_000);
    close(with_two_equal_contents(&place, &bytes).await).await;
    place.damage("one", 1_000_000);
    place.damage("other", 2_000_000);
    let report = place.repair().await;
    assert_eq!((report.verdict(), report.problems.len()), (Verdict::Damaged, 2), "{report:?}");
    let store = place.usual().await;
    assert_eq!(store.statistics().await.unwrap().damaged, 2);
    for _ in 0..2 {
        put(&store, "again", &bytes).await;
    }
    assert_eq!(store.statistics().await.unwrap().damaged, 0, "each upload heals one");
    assert_eq!((read(&store, "one").await.unwrap(), read(&store, "other").await.unwrap()), (bytes.clone(), bytes));
    close(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_digest_that_is_wrong_in_its_row_is_never_accepted() {
    let digests = DigestSet { md5: true, sha256: false, sha512: true };
    for (wrong, verdict) in [
        ("blake3 = zeroblob(32)", Verdict::Repaired),
        ("sha512 = zeroblob(64)", Verdict::Repaired),
        ("blake3 = zeroblob(32), md5 = zeroblob(16), sha512 = zeroblob(64)", Verdict::Damaged),
    ] {
        let place = Place::new();
        let store = place.usual().await;
        put_with(&store, "a", &pattern(1, 10_000), digests).await;
        close(store).await;
        let before = place.dump();
        place.change_rows(&format!("UPDATE blob SET {wrong}"));
        assert_eq!(place.check().await.verdict(), Verdict::Damaged, "{wrong}");
        assert_eq!(place.repair().await.verdict(), verdict, "{wrong}");
        let blobs =
            |dump: &str| dump.lines().filter(|line| line.starts_with("blob")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(blobs(&place.dump()) == blobs(&before), verdict == Verdict::Repaired, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_on_bytes_that_are_whole_goes() {
    let place = Place::new();
    fill(&place).await;
    place.change_rows("UPDATE blob SET damaged = 1");
    assert_eq!(possible(&place.check().await).len(), 3);
    assert_eq!(place.repair().await.verdict(), Verdict::Repaired);
    assert_eq!(place.check().await.problems, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_is_deleted_takes_its_damage_with_it() {
    let place = Place::new();
    fill(&place).await;
    let (file, _) = place.bytes_of("image", 0);
    place.damage("image", 10);
    place.repair().await;
    let store = place.usual().await;
    store.apply(Change::new().delete(NameKey::new("toy", "things", "image"), Condition::EXISTS)).await.unwrap();
    store.sweep().await.unwrap();
    assert_eq!((store.statistics().await.unwrap().damaged, file.exists()), (0, false));
    close(store).await;
    assert_eq!(place.check().await.problems, []);
}
