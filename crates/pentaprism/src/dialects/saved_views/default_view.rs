//! The saved view that every server has from its first start: the one of the document's sample (D-091).

use pentaprism_store::{Change, ChangeError, Fault, Refusal};

use super::view::{Attributes, key};
use super::view_id::ViewId;
use crate::context::Context;
use crate::settings::DEFAULT_SAVED_VIEW;

const DISPLAY_NAME: &str = "Default view";

/// A look at a cube of a hundred metres.
const DATA: &str = r#"{"itwin3dView":{"extents":[100,100,100],"origin":[0,0,0]}}"#;

/// Makes the view, unless it is there, was deleted, or is not wanted.
pub(super) async fn prepare(context: &Context) -> Result<(), Fault> {
    let settings = &context.settings.saved_views;
    if !settings.default_view || context.store.get(&key(DEFAULT_SAVED_VIEW)).await?.is_some() {
        return Ok(());
    }
    let id = ViewId::decode(DEFAULT_SAVED_VIEW).expect("the sample is an id of the service");
    let attributes = Attributes {
        itwin: id.itwin,
        imodel: id.imodel,
        display_name: DISPLAY_NAME.to_owned(),
        shared: true,
        data: DATA.to_owned(),
        extensions: Vec::new(),
        links: None,
    };
    let view = attributes.new_name(DEFAULT_SAVED_VIEW, settings.default_view_owner);
    match context.store.apply(Change::new().create(view)).await {
        // Buried: somebody deleted it, and it stays away.
        Ok(_) | Err(ChangeError::Refused { refusal: Refusal::Exists(_) | Refusal::Buried(_), .. }) => Ok(()),
        Err(ChangeError::Fault(fault)) => Err(fault),
        Err(ChangeError::Refused { refusal, .. }) => Err(Fault::Corrupt { what: refusal.to_string() }),
    }
}
