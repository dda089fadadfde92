//! Packages as they are, and bytes that are none.

use proptest::prelude::*;

use super::packages::{APPLICATION, Packer, WASHER, WASHERS, application, build, identity, section, signer};
use crate::dialects::azure_sphere::package::{Package, PackageError, PackageTail};

fn read(bytes: &[u8]) -> Result<Package, PackageError> {
    let mut tail = PackageTail::default();
    tail.push(bytes);
    assert_eq!(tail.size(), bytes.len() as u64);
    tail.read()
}

fn told(bytes: &[u8]) -> String {
    read(bytes).expect_err("these bytes are no package").to_string()
}

fn usual() -> Packer {
    Packer::new(vec![identity(WASHER, WASHERS, APPLICATION), signer(), build(b"Washer")])
}

fn boot_block() -> Vec<u8> {
    [1, 2, 3, 0x3620, 1, 0, 0, 5].map(u32::to_le_bytes).concat()
}

/// The figures of a package that the vendor's tools made: metadata at 16,384, 0x94 bytes long, 16,596 bytes in all.
fn blink() -> Vec<u8> {
    let image = uuid::uuid!("6415a939-c098-48cf-8e5c-02b52a9f0ffb");
    let component = uuid::uuid!("2f074b0f-d99d-4692-82d9-ef93a7d6463c");
    let signer = [
        &[0xa8, 0xd5, 0xcc, 0x69, 0x58, 0xf4, 0x87, 0x10, 0x14, 0x0d, 0x7a, 0x26, 0x16, 0x0f, 0xc1, 0xcf, 0xc3, 0x1f][..],
        &[0x5d, 0xf0, 1, 0, 0, 0],
    ];
    let sections = vec![
        identity(image, component, APPLICATION),
        section(*b"SG", &signer.concat()),
        build(b"AzureSphereBlinkTest"),
        section(*b"TP", &2_u32.to_le_bytes()),
        section(*b"ND", &[1, 12, 3].map(u32::to_le_bytes).concat()),
    ];
    Packer { payload: vec![0x2d; 16_384], ..Packer::new(sections) }.pack()
}

#[test]
fn a_package_of_the_vendors_shape_is_read() {
    let bytes = blink();
    assert_eq!(bytes.len(), 16_596);
    assert_eq!(bytes[16_384 + 0x94 - 4..][..4], 0x94_u32.to_le_bytes());
    // The first bytes of the component as the vendor's packages have them.
    assert_eq!(bytes[16_384 + 8 + 4 + 4..][..6], [0x0f, 0x4b, 0x07, 0x2f, 0x9d, 0xd9]);
    let package = read(&bytes).expect("a package");
    assert_eq!(package.image.to_string(), "6415a939-c098-48cf-8e5c-02b52a9f0ffb");
    assert_eq!(package.component.to_string(), "2f074b0f-d99d-4692-82d9-ef93a7d6463c");
    assert_eq!((package.kind.number(), package.name.as_str()), (10, "AzureSphereBlinkTest"));
}

#[test]
fn a_name_is_text_whatever_the_package_says() {
    for (padded, name) in [
        (&b"Washer"[..], "Washer"),
        (b"", ""),
        (b"\0hidden", ""),
        (b"a\0b", "a"),
        (&[b'x'; 32], &"x".repeat(32)),
        ("Wäscher ✓".as_bytes(), "Wäscher ✓"),
        (b"a\xffb\xc3", "a\u{fffd}b\u{fffd}"),
        (b"\x1b[2J\r\n\x7f", "\u{fffd}[2J\u{fffd}\u{fffd}\u{fffd}"),
        ("\u{85}".as_bytes(), "\u{fffd}"),
    ] {
        let bytes = Packer::new(vec![identity(WASHER, WASHERS, 21), build(padded)]).pack();
        assert_eq!(read(&bytes).map(|package| package.name).as_deref(), Ok(name));
    }
    let nameless = Packer::new(vec![identity(WASHER, WASHERS, 21)]).pack();
    assert_eq!(read(&nameless).map(|package| package.name).as_deref(), Ok(""));
}

#[test]
fn both_signatures_and_the_block_of_a_boot_loader_are_known() {
    let expected = read(&usual().pack()).expect("a package");
    for signature in [vec![0; 64], vec![0xff; 64], vec![0; 96], vec![0xff; 96], vec![0xa5; 96]] {
        for block in [Vec::new(), boot_block()] {
            let packer = Packer { signature: signature.clone(), block, ..usual() };
            assert_eq!(read(&packer.pack()).as_ref(), Ok(&expected), "{packer:?}");
        }
    }
    let bare = Packer { payload: Vec::new(), ..usual() }.pack();
    assert_eq!(read(&bare).as_ref(), Ok(&expected));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let packer = |sections: &[&[u8]]| Packer::new(sections.iter().map(|section| section.to_vec()).collect());
    let id = identity(WASHER, WASHERS, APPLICATION);
    let name = build(b"Washer");
    let length = |length| Packer { length: Some(length), ..usual() }.pack();
    for (bytes, text) in [
        (Vec::new(), "the body is empty; send one image package"),
        (packer(&[]).pack()[5..].to_vec(), "it has 75 bytes, and the shortest package has 76"),
        (vec![0; 80], "0 stands at byte 12, where the length of its metadata should"),
        (packer(&[&name]).pack(), "no section 'ID', so the image has no identity"),
        (
            vec![b'x'; 100],
            "2021161080 stands at byte 32, where the length of its metadata should, which is from 12 to 65536",
        ),
        (length(65_537), "65537 stands at byte 124"),
        (length(29), "its metadata, at byte 99, does not begin with '4X4M'"),
        (length(129), "the length of its metadata is 129, and the package has only 128 bytes for it"),
        (length(65_536), "the length of its metadata is 65536, and the package has only 128 bytes for it"),
        (Packer { magic: *b"4X4N", ..usual() }.pack(), "its metadata, at byte 4, does not begin with '4X4M'"),
        (packer(&[&id, b"D\n\xff\xff"]).pack(), "section 'D\\n' at byte 52 reaches beyond its end"),
        (packer(&[&id, b"DB\0"]).pack(), "3 bytes at byte 52 are no section"),
        (Packer { count: Some(4), ..usual() }.pack(), "it has 3 sections and announces 4"),
        (Packer { count: Some(2), ..usual() }.pack(), "it has 3 sections and announces 2"),
        (Packer { count: Some(u32::MAX), ..usual() }.pack(), "it has 3 sections and announces 4294967295"),
        (packer(&[&section(*b"ID", &[0; 37])]).pack(), "section 'ID' at byte 12 has 37 bytes instead of 36"),
        (packer(&[&id, &section(*b"DB", &[])]).pack(), "section 'DB' at byte 52 has 0 bytes instead of 40"),
        (packer(&[&id, &id]).pack(), "section 'ID' stands twice, again at byte 52"),
        (packer(&[&id, &name, &name]).pack(), "section 'DB' stands twice, again at byte 96"),
        (packer(&[&identity(WASHER, WASHERS, 0)]).pack(), "the image has type 0, which is no type of an image"),
        (packer(&[&identity(WASHER, WASHERS, 11)]).pack(), "the image has type 11"),
        (packer(&[&identity(WASHER, WASHERS, 266)]).pack(), "the image has type 266"),
    ] {
        let told = told(&bytes);
        assert!(told.contains(text), "{told}, and not {text}");
    }
}

#[test]
fn a_long_payload_hides_nothing_of_the_end() {
    let many: Vec<_> = (0..10_000).map(|_| section(*b"XX", b"")).collect();
    let sections = [vec![identity(WASHER, WASHERS, APPLICATION)], many].concat();
    let bytes = Packer { payload: vec![b'-'; 1 << 20], ..Packer::new(sections.clone()) }.pack();
    assert_eq!(read(&bytes).map(|package| package.image), Ok(WASHER));
    let more = [sections, vec![section(*b"XX", &[0; 40_000])]].concat();
    let too_long = Packer { payload: vec![b'-'; 1 << 20], ..Packer::new(more) }.pack();
    assert!(told(&too_long).contains("the length of its metadata should"), "{}", told(&too_long));
    let longest = [identity(WASHER, WASHERS, APPLICATION), section(*b"XX", &vec![0; 65_536 - 12 - 40 - 4])];
    let longest = Packer { block: boot_block(), signature: vec![9; 96], ..Packer::new(longest.to_vec()) };
    for payload in [0, 4, 200_000] {
        let bytes = Packer { payload: vec![b'-'; payload], ..longest.clone() }.pack();
        assert_eq!(read(&bytes).map(|package| package.image), Ok(WASHER), "{payload}");
    }
}

#[test]
fn little_is_kept_of_a_large_body() {
    for frame in [1 << 10, 100_000, 1 << 20] {
        let mut tail = PackageTail::default();
        for _ in 0..(8 << 20) / frame {
            tail.push(&vec![b'-'; frame]);
        }
        assert!(tail.held() <= 128 << 10, "{frame}: {}", tail.held());
    }
}

#[test]
fn a_package_that_is_cut_anywhere_is_refused() {
    let bytes = application(WASHER, "Washer");
    for end in 0..bytes.len() {
        assert!(read(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn a_byte_that_is_wrong_is_noticed_or_belongs_to_a_value() {
    let bytes = usual().pack();
    let right = read(&bytes).expect("a package");
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1 << bit;
            let Ok(package) = read(&flipped) else { continue };
            // Payload and signature are not looked at, nor is the signer or the time of the build. What hides the name is no mistake
            // either: the section has another id then.
            let value = matches!(position, 16..52 | 80..82 | 92..124);
            assert!(package == right || value, "byte {position}, bit {bit}: {package:?}");
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn random_metadata_break_nothing(
        sections in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6),
        count in prop::option::of(any::<u32>()),
        length in prop::option::of(0_u32..400),
        block in prop::option::of(prop::collection::vec(any::<u8>(), 32)),
        long in any::<bool>(),
    ) {
        let block = block.unwrap_or_default();
        let signature = vec![0x5a; if long { 96 } else { 64 }];
        let packer = Packer { count, length, block, signature, ..Packer::new(sections) };
        let _no_panic = read(&packer.pack());
    }

    #[test]
    fn what_is_packed_is_read(
        image in any::<u128>(),
        component in any::<u128>(),
        kind in prop::sample::select(vec![1_u16, 10, 13, 16, 17, 19, 21, 28]),
        name in "[A-Za-z0-9_.ä-ü-]{0,16}",
        payload in 0_usize..100_000,
        others in prop::collection::vec((any::<[u8; 2]>(), prop::collection::vec(any::<u8>(), 0..50)), 0..4),
    ) {
        let [image, component] = [image, component].map(uuid::Uuid::from_u128);
        let others = others.iter().filter(|(id, _)| ![*b"ID", *b"DB"].contains(id));
        let others = others.map(|(id, data)| section(*id, data));
        let sections = others.chain([identity(image, component, kind), build(name.as_bytes())]).collect();
        let package = read(&Packer { payload: vec![0; payload], ..Packer::new(sections) }.pack());
        let kind = i64::from(kind).into();
        prop_assert_eq!(package, Ok(Package { image, component, kind, name }));
    }

    #[test]
    fn frames_do_not_matter(cuts in prop::collection::vec(0_usize..150_000, 0..8), payload in 0_usize..150_000) {
        let bytes = Packer { payload: vec![7; payload], ..usual() }.pack();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let mut tail = PackageTail::default();
        for pair in cuts.windows(2) {
            tail.push(&bytes[pair[0]..pair[1]]);
        }
        prop_assert_eq!(tail.read(), read(&bytes));
    }
}
