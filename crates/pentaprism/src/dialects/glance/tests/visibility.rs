//! Who sees and changes an image: role by ownership by visibility by membership.

use pentaprism_store::{Name, Timestamp};
use uuid::Uuid;

use super::*;
use crate::dialects::glance::caller::for_tests;
use crate::dialects::glance::image::Attributes;
use crate::settings::Role;

const OWN: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

fn image(owner: Option<Uuid>, visibility: &str) -> Record {
    let attributes = Attributes { visibility: visibility.to_owned(), ..Attributes::default() };
    let name = Name {
        key: image::key(Uuid::nil()),
        status: "queued".to_owned(),
        owner: owner.map(|owner| owner.to_string()),
        attributes: attributes.to_value(),
        content: None,
        version: 1,
        born: 1,
        created: Timestamp::from_unix_micros(0),
        modified: Timestamp::from_unix_micros(0),
        open_writer: false,
    };
    Record::read(Uuid::nil(), name).unwrap()
}

#[test]
fn the_standing_follows_from_owner_visibility_and_membership() {
    use Standing::{FormerMember, Member, Onlooker, Owner, Stranger};
    let caller = for_tests(OWN, &[Role::Member]);
    for (owner, visibility, without, with) in [
        (Some(OWN), "private", Owner, Owner),
        (Some(OWN), "shared", Owner, Owner),
        (Some(OWN), "community", Owner, Owner),
        (Some(OWN), "public", Owner, Owner),
        (Some(OTHER), "private", Stranger, FormerMember),
        (Some(OTHER), "shared", Stranger, Member),
        (Some(OTHER), "community", Onlooker, Onlooker),
        (Some(OTHER), "public", Onlooker, Onlooker),
        (None, "private", Onlooker, Onlooker),
        (None, "shared", Onlooker, Member),
        (None, "public", Onlooker, Onlooker),
    ] {
        let image = image(owner, visibility);
        assert_eq!(Standing::of(&caller, &image, false), without, "{owner:?} {visibility}");
        assert_eq!(Standing::of(&caller, &image, true), with, "{owner:?} {visibility}, member");
    }
}

#[test]
fn admins_stand_above_all_and_nobody_below() {
    let admin = for_tests(OWN, &[Role::Admin]);
    let nobody = Caller::default();
    for owner in [None, Some(OTHER)] {
        for visibility in ["private", "shared", "community", "public"] {
            let image = image(owner, visibility);
            assert_eq!(Standing::of(&admin, &image, false), Standing::Admin);
            assert!(!Standing::of(&nobody, &image, false).owns());
        }
    }
    assert_eq!(Standing::of(&nobody, &image(Some(OTHER), "shared"), false), Standing::Stranger);
}

#[test]
fn roles_decide_what_an_owner_may_do() {
    for (roles, writes) in [(&[Role::Member][..], true), (&[Role::Admin], true), (&[Role::Reader], false), (&[], false)]
    {
        let caller = for_tests(OWN, roles);
        let image = image(Some(OWN), "private");
        let standing = Standing::of(&caller, &image, false);
        let seen = Seen { image, standing, may_write: caller.may_write() };
        assert!(seen.standing.sees(), "{roles:?}");
        assert_eq!(seen.is_writable(), writes, "{roles:?}");
    }
}

#[test]
fn only_the_upload_tells_a_former_member_that_the_image_is_there() {
    use Standing::{Admin, FormerMember, Member, Onlooker, Owner, Stranger};
    for (standing, sees, document, service, owns) in [
        (Admin, true, true, true, true),
        (Owner, true, true, true, true),
        (Member, true, true, true, false),
        (Onlooker, true, true, true, false),
        (FormerMember, false, true, false, false),
        (Stranger, false, false, false, false),
    ] {
        assert_eq!(standing.sees(), sees, "{standing:?}");
        assert_eq!(standing.sees_for_upload(Follow::Document), document, "{standing:?}");
        assert_eq!(standing.sees_for_upload(Follow::Service), service, "{standing:?}");
        assert_eq!(standing.owns(), owns, "{standing:?}");
    }
}
