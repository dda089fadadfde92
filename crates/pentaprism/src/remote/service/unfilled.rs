//! An image of Glance that an upload has made and left without bytes: it goes again, since it would stand in the name's way.

use std::sync::Arc;

use http::StatusCode;
use pentaprism_client::Transport;
use pentaprism_client::dialects::glance::GlanceClient;
use pentaprism_core::dialects::glance::delete_image::DeleteImage;
use pentaprism_core::dialects::glance::models::ImageStatus;
use pentaprism_core::dialects::glance::show_image::ShowImage;
use uuid::Uuid;

use super::spot::{Pauses, Spot};
use crate::remote::address::Place;

/// What is said when nobody knows what has become of the image.
pub fn may_be_left(spot: &Spot, id: Uuid) -> String {
    let address = spot.at(Place::Glance(id.to_string()));
    format!("the image {address} may be left behind without bytes; `pentaprism rm {address}` deletes it")
}

/// Deletes the image unless it has got all its bytes.
///
/// # Errors
/// A sentence for people when it stays.
pub async fn take_back<T: Transport>(client: Arc<GlanceClient<T>>, spot: Spot, id: Uuid) -> Result<(), String> {
    let image_id = id.to_string();
    let left = |why: &dyn std::fmt::Display| format!("{}: {why}", may_be_left(&spot, id));
    let mut pauses = Pauses::new(client.caller().retry().clock());
    let mut looks = 0;
    loop {
        looks += 1;
        match client.show_image(&ShowImage { image_id: image_id.clone() }).await {
            Ok(shown) => match shown.body.status {
                ImageStatus::Queued | ImageStatus::Saving | ImageStatus::Killed => {}
                ImageStatus::Deleted | ImageStatus::PendingDelete => return Ok(()),
                status => {
                    let address = spot.at(Place::Glance(image_id));
                    return Err(format!("the image {address} was sent whole and stays; it is {}", status.as_str()));
                }
            },
            // Its creation may still be on its way.
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) && looks < 2 => {
                pauses.pause().await;
                continue;
            }
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Ok(()),
            Err(error) => return Err(left(&error)),
        }
        match client.delete_image(&DeleteImage { image_id: image_id.clone() }).await {
            Ok(_) => return Ok(()),
            Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => return Ok(()),
            // It is still busy with the bytes that were broken off.
            Err(error) if error.status() == Some(StatusCode::CONFLICT) => pauses.pause().await,
            Err(error) => return Err(left(&error)),
        }
    }
}
