//! Every operation of the iTwin Saved Views.

use pentaprism::settings::{DEFAULT_SAVED_VIEW, DEFAULT_SAVED_VIEW_ITWIN};
use pentaprism_client::Transport;
use pentaprism_client::dialects::saved_views::SavedViewsClient;
use pentaprism_core::dialects::saved_views::create_saved_view::{CreateSavedView, CreateSavedViewError};
use pentaprism_core::dialects::saved_views::delete_saved_view::{DeleteSavedView, DeleteSavedViewError};
use pentaprism_core::dialects::saved_views::get_all_saved_views::{GetAllSavedViews, GetAllSavedViewsError};
use pentaprism_core::dialects::saved_views::get_image::{GetImage, GetImageError};
use pentaprism_core::dialects::saved_views::get_saved_view::{GetSavedView, GetSavedViewError};
use pentaprism_core::dialects::saved_views::models::{
    ErrorCode, ErrorResponse, ImageUpdate, SavedView, SavedViewCreate, SavedViewData, ViewDocument,
};
use pentaprism_core::dialects::saved_views::update_image::{UpdateImage, UpdateImageError};

use crate::calls::{Calls, refuse, succeed};
use crate::{DEVELOPMENT_TOKEN, UNKNOWN_TOKEN, Way, png};

pub(crate) async fn every_operation<T: Transport + Clone>(way: &Way<T>, calls: &Calls) {
    let client = |token| {
        let (transport, base, credential) = way.bearing(token);
        SavedViewsClient::new(transport, base, credential)
    };
    let (designer, stranger) = (client(DEVELOPMENT_TOKEN), client(UNKNOWN_TOKEN));
    let view = creation(&designer, calls).await;
    let get = GetSavedView { saved_view_id: view.id.clone(), ..GetSavedView::default() };
    assert_eq!(succeed!(calls, designer.get_saved_view(&get)).body.saved_view, view);
    refuse!(calls, stranger.get_saved_view(&get), GetSavedViewError::Unauthorized(answer)
        if code(&answer.body) == Some(&ErrorCode::Unauthorized) || code(&answer.body) == Some(&ErrorCode::HeaderNotFound));
    lists(&designer, &view, calls).await;
    pictures(&designer, &view, calls).await;

    let delete = DeleteSavedView { saved_view_id: view.id };
    succeed!(calls, designer.delete_saved_view(&delete));
    refuse!(calls, designer.delete_saved_view(&delete), DeleteSavedViewError::NotFound { body }
        if code(&body) == Some(&ErrorCode::SavedViewNotFound));
}

fn code(answer: &ErrorResponse) -> Option<&ErrorCode> {
    answer.error.code.as_ref()
}

async fn creation<T: Transport>(designer: &SavedViewsClient<T>, calls: &Calls) -> SavedView {
    let create = |name: &str| {
        let camera = ViewDocument::from_iter([("origin".to_owned(), serde_json::json!([-10, 0, 2]))]);
        let view = SavedViewCreate {
            itwin_id: Some(DEFAULT_SAVED_VIEW_ITWIN.to_string()),
            display_name: name.to_owned(),
            saved_view_data: SavedViewData { itwin3d_view: Some(camera), ..SavedViewData::default() },
            ..SavedViewCreate::default()
        };
        CreateSavedView { body: CreateSavedView::json_body(&view).unwrap(), prefer: None }
    };
    let view = succeed!(calls, designer.create_saved_view(&create("North façade"))).body.saved_view;
    assert_eq!((view.display_name.as_str(), view.shared), ("North façade", false));
    let data = view.saved_view_data.as_ref().and_then(|data| data.itwin3d_view.as_ref());
    assert_eq!(data.map(|data| data["origin"].to_string()).as_deref(), Some("[-10,0,2]"));
    refuse!(calls, designer.create_saved_view(&create("")), CreateSavedViewError::UnprocessableContent { body }
        if code(&body) == Some(&ErrorCode::InvalidSavedviewsRequest));
    view
}

async fn lists<T: Transport>(designer: &SavedViewsClient<T>, view: &SavedView, calls: &Calls) {
    let all = GetAllSavedViews { itwin_id: Some(DEFAULT_SAVED_VIEW_ITWIN.to_string()), ..GetAllSavedViews::default() };
    let listed = succeed!(calls, designer.get_all_saved_views(&all)).body;
    let mut ids: Vec<_> = listed.saved_views.iter().map(|view| view.id.as_str()).collect();
    let mut expected = [DEFAULT_SAVED_VIEW, view.id.as_str()];
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let page = GetAllSavedViews { top: Some("1".to_owned()), ..all };
    let page = succeed!(calls, designer.get_all_saved_views(&page)).body;
    assert_eq!(page.saved_views.len(), 1);
    assert!(page.links.next.is_some() && page.links.prev.is_none());
    let without_filter = GetAllSavedViews::default();
    refuse!(calls, designer.get_all_saved_views(&without_filter), GetAllSavedViewsError::UnprocessableContent { .. });
}

async fn pictures<T: Transport>(designer: &SavedViewsClient<T>, view: &SavedView, calls: &Calls) {
    let get = |size: &str| GetImage { saved_view_id: view.id.clone(), size: Some(size.to_owned()) };
    refuse!(calls, designer.get_image(&get("full")), GetImageError::NotFound { body }
        if code(&body) == Some(&ErrorCode::ImageNotFound));
    let body = UpdateImage::json_body(&ImageUpdate::png(&png(300, 200))).unwrap();
    succeed!(calls, designer.update_image(&UpdateImage { saved_view_id: view.id.clone(), body: body.clone() }));
    let full = succeed!(calls, designer.get_image(&get("full"))).body.href;
    let thumbnail = succeed!(calls, designer.get_image(&get("thumbnail"))).body.href;
    assert!(full.starts_with("http://") && thumbnail.starts_with("http://") && full != thumbnail, "{full} {thumbnail}");
    refuse!(calls, designer.get_image(&get("small")), GetImageError::UnprocessableContent { .. });
    let absent = UpdateImage { saved_view_id: "no-view".to_owned(), body };
    refuse!(calls, designer.update_image(&absent), UpdateImageError::NotFound { body }
        if code(&body) == Some(&ErrorCode::SavedViewNotFound));
}
