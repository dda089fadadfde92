//! One content in a check of the whole store: what is wrong with it, and what can be done about it.

use std::sync::Arc;

use crate::{
    catalog::BlobRow,
    change::Step,
    error::{Fault, ReadError, sentence_of},
    examine::{Examined, Haste, damaged_blocks, digests_of, examine},
    fsck::{Problem, Remedy, repair_by},
    inner::Inner,
    model::{BlobId, NameKey},
};

/// Names of a damaged content that are told; of more only the number is.
const NAMES: usize = 10;

/// What is wrong with a content.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// Its bytes, in these words.
    Bytes(String),
    /// Not its bytes, but digests in its row: others are right.
    Digests(Examined),
    /// Nothing any more: it is marked as damaged and is whole.
    Mark,
}

/// What is wrong with a content; none when it is whole, or gone since its row was read.
pub(crate) async fn check(inner: &Arc<Inner>, blob: &BlobRow) -> Result<Option<Wrong>, Fault> {
    match examine(inner, blob, digests_of(blob), Haste::Waited).await {
        Ok(found) => Ok(match found.compare(blob) {
            (_, 0) => blob.damaged.then_some(Wrong::Mark),
            (0, _) => Some(Wrong::Bytes("it has other digests than it was stored with".to_owned())),
            (_, _) => Some(Wrong::Digests(found)),
        }),
        Err(ReadError::Gone) => Ok(None),
        Err(ReadError::Damaged { offset }) => Ok(Some(Wrong::Bytes(damage(inner, blob, offset).await))),
        // Not the content's: nothing can be said of it.
        Err(ReadError::Fault(
            fault @ (Fault::Closed | Fault::Deadline { .. } | Fault::Busy { .. } | Fault::ReadOnly(_)),
        )) => Err(fault),
        Err(ReadError::Fault(Fault::Corrupt { what })) => Ok(Some(Wrong::Bytes(what))),
        Err(error) => Ok(Some(Wrong::Bytes(sentence_of(&error)))),
    }
}

/// Which blocks are damaged, and where the first of them lies.
async fn damage(inner: &Arc<Inner>, blob: &BlobRow, first: u64) -> String {
    let blocks = damaged_blocks(inner, blob, first).await.unwrap_or_else(|_| vec![first]);
    let told = match &blocks[..] {
        [one] => format!("the block at {one} is damaged"),
        several => {
            let several: Vec<String> = several.iter().map(u64::to_string).collect();
            format!("the blocks at {} are damaged", several.join(", "))
        }
    };
    let segment = inner.catalog.segments(blob.id, first, 1).await.unwrap_or_default().into_iter().next();
    match segment.filter(|segment| (segment.position..segment.position + segment.length).contains(&first)) {
        Some(segment) => {
            let at = segment.location.offset + (first - segment.position);
            format!("{told}, in {} at {at}", segment.location.container)
        }
        None => format!("{told}, no row says where it lies"),
    }
}

/// Says what is wrong, and repairs it if it is to.
pub(crate) async fn treat(
    inner: &Arc<Inner>,
    repair: bool,
    blob: &BlobRow,
    wrong: Wrong,
    names: &[(BlobId, NameKey)],
) -> Result<Problem, Fault> {
    let id = blob.id;
    let (what, step, remedy) = match wrong {
        Wrong::Mark => {
            let step = Step::Mark { blob: id, damaged: false, container: None };
            ("it is marked as damaged and is whole".to_owned(), step, Remedy::of(repair, "the mark goes"))
        }
        Wrong::Digests(Examined { blake3, digests }) => {
            let step = Step::Redigest { blob: id, blake3, digests };
            let how = "they are written anew from its bytes, of which another digest is right";
            ("digests in its row are wrong".to_owned(), step, Remedy::of(repair, how))
        }
        Wrong::Bytes(what) => match equal(inner, blob).await? {
            Some(other) => {
                let how = format!("its names get {}, which has the same digests and is whole", other.id);
                (what, Step::Relink { from: id, to: other.id }, Remedy::of(repair, how))
            }
            None => (what, Step::Mark { blob: id, damaged: true, container: None }, beyond(blob)),
        },
    };
    if repair {
        repair_by(inner, step).await?;
    }
    Ok(Problem { what: describe(blob, &what, names), remedy })
}

/// What people can do about damaged bytes.
fn beyond(blob: &BlobRow) -> Remedy {
    Remedy::Beyond(
        if blob.blake3.is_some() {
            "upload the same bytes again under any name, and they take the place of the damaged ones for all names; or delete these names"
        } else {
            "no digest of it is known; upload it anew under these names, or delete them"
        }
        .to_owned(),
    )
}

/// Another content that has the same bytes, and was read to be sure of it.
async fn equal(inner: &Arc<Inner>, blob: &BlobRow) -> Result<Option<BlobRow>, Fault> {
    for other in inner.catalog.equals(blob.clone()).await? {
        let set = digests_of(blob);
        let Ok(found) = examine(inner, &other, set, Haste::Waited).await else { continue };
        if matches!(found.compare(blob), (1.., 0)) && found.compare(&other).1 == 0 {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

fn describe(blob: &BlobRow, wrong: &str, names: &[(BlobId, NameKey)]) -> String {
    let mut names = names.iter().filter(|(id, _)| *id == blob.id).map(|(_, name)| name.to_string());
    let told: Vec<String> = names.by_ref().take(NAMES).collect();
    let more = match names.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("content of {}{more} ({}, {} bytes): {wrong}", told.join(", "), blob.id, blob.size)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::Digests;

    #[test]
    fn of_many_names_the_first_are_told() {
        let (id, other) = (BlobId(Uuid::from_u128(1)), BlobId(Uuid::from_u128(2)));
        let digests = Digests::default();
        let blob = BlobRow { id, ready: true, doomed: false, size: 7, blake3: None, digests, damaged: false };
        let name = |id, key: usize| (id, NameKey::new("toy", "files", format!("folder/{key}")));
        let mut names = vec![name(other, 0), name(id, 1)];
        let end = format!(" ({id}, 7 bytes): it is short");
        assert_eq!(describe(&blob, "it is short", &names), format!("content of toy:files:folder/1{end}"));
        names.extend((2..13).map(|key| name(id, key)));
        let told = describe(&blob, "it is short", &names);
        assert!(told.ends_with(&format!(", toy:files:folder/10 and 2 more{end}")), "{told}");
    }
}
