//! Who calls (D-093), and what that is worth for a saved view (D-095).

use http::HeaderMap;
use pentaprism_server::Refusal;
use uuid::Uuid;

use crate::access::Principals;
use crate::settings::ITWIN_SCOPE;

/// A user of Saved Views.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Who it is: the owner of what it makes.
    pub user: Uuid,
    /// Whether it may change the shared views of others.
    pub manages: bool,
}

/// What a caller may do with a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It does not learn that there is one.
    Stranger,
    /// It sees it.
    Viewer,
    /// It changes it.
    Editor,
}

impl Caller {
    /// What the caller may do with a view. The right to manage does not reach private views.
    pub(super) fn standing(self, owner: Option<&str>, shared: bool) -> Standing {
        let owns = owner.is_some_and(|owner| owner == self.user.to_string());
        match (owns, shared) {
            (true, _) => Standing::Editor,
            (false, true) if self.manages => Standing::Editor,
            (false, true) => Standing::Viewer,
            (false, false) => Standing::Stranger,
        }
    }
}

/// Finds out who calls, and counts the request. A token without the scope is as good as none.
pub(super) fn identify(principals: &Principals, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let principal = principals.by_bearer(headers).known()?;
    let none = || principals.refuse(&principal, "the principal is no user of Saved Views");
    let rights = principal.saved_views.as_ref().ok_or_else(none)?;
    if !rights.scopes.contains(ITWIN_SCOPE) {
        return Err(principals.refuse(&principal, &format!("the scope {ITWIN_SCOPE} is missing")));
    }
    principals.count(&principal)?;
    Ok(Caller { user: rights.user, manages: rights.manage })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_and_managers_change_what_they_see() {
        let (user, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (owner, owned_by_other) = (Some(user.to_string()), Some(other.to_string()));
        for (manages, owner, shared, expected) in [
            (false, &owner, false, Standing::Editor),
            (false, &owner, true, Standing::Editor),
            (false, &owned_by_other, true, Standing::Viewer),
            (true, &owned_by_other, true, Standing::Editor),
            (false, &owned_by_other, false, Standing::Stranger),
            (true, &owned_by_other, false, Standing::Stranger),
            (true, &None, false, Standing::Stranger),
        ] {
            let caller = Caller { user, manages };
            assert_eq!(caller.standing(owner.as_deref(), shared), expected, "{manages} {owner:?} {shared}");
        }
    }
}
