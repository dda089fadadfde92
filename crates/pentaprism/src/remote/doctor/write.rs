//! Uploads a small image where it can be deleted again, and deletes it.

use pentaprism_client::Source;
use pentaprism_core::Decimal;
use pentaprism_core::dialects::glance::create_image::CreateImage;
use pentaprism_core::dialects::glance::delete_image::DeleteImage;
use pentaprism_core::dialects::glance::download_image_data::DownloadImageData;
use pentaprism_core::dialects::glance::models::{ContainerFormat, DiskFormat, ImageCreate};
use pentaprism_core::dialects::glance::upload_image_data::UploadImageData;
use pentaprism_core::dialects::pingone;
use pentaprism_core::dialects::service_fabric::delete_image_store_content::DeleteImageStoreContent;
use pentaprism_core::dialects::service_fabric::get_image_store_content::GetImageStoreContent;
use pentaprism_core::dialects::service_fabric::upload_file::UploadFile;
use uuid::Uuid;

use super::read::Patient;
use crate::remote::address::Dialect;
use crate::remote::failure::{Failure, FailureKind};

/// A picture of one pixel, which is the smallest that every service takes for one.
const PICTURE: &[u8] = &[
    0x89, b'P', b'N', b'G', 13, 10, 26, 10, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 4, 0, 0, 0,
    0xb5, 0x1c, 0x0c, 0x02, 0, 0, 0, 11, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0, 0, 0, 6, 0, 2, 0x30,
    0x81, 0xd0, 0x2f, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

impl Patient<'_> {
    /// Uploads, looks and deletes. `Err` within `Ok` says why this API is left alone.
    pub async fn write(&self, name: Uuid) -> Result<Result<String, &'static str>, Failure> {
        match self.dialect {
            Dialect::Glance => self.write_glance(name).await.map(Ok),
            Dialect::Pingone => self.write_pingone(name).await,
            Dialect::ServiceFabric => self.write_service_fabric(name).await.map(Ok),
            Dialect::AzureSphere => Ok(Err("nothing was uploaded, as images of Azure Sphere cannot be deleted again")),
            Dialect::SavedViews => {
                Ok(Err("nothing was uploaded, as pictures of saved views can only be replaced, not deleted"))
            }
        }
    }

    async fn write_glance(&self, name: Uuid) -> Result<String, Failure> {
        let client = self.glance_client();
        let image = ImageCreate {
            name: Some(format!("pentaprism-doctor-{name}")),
            disk_format: Some(DiskFormat::Raw),
            container_format: Some(ContainerFormat::Bare),
            ..ImageCreate::default()
        };
        let body = CreateImage::json_body(&image)
            .map_err(|error| Failure::new(FailureKind::Other, "the image cannot be described").because(&error))?;
        let created = client.create_image(&CreateImage { body }).await;
        let image_id = created.map_err(|error| self.failed("a new image", &error))?.body.id.to_string();
        let written = self.fill_glance(&image_id).await;
        let deleted = client.delete_image(&DeleteImage { image_id: image_id.clone() }).await;
        let deleted = deleted.map(drop).map_err(|error| self.failed("the deletion of the image", &error));
        cleared(written, deleted, &format!("the image {image_id}"))?;
        Ok("an image was uploaded, read back and deleted".to_owned())
    }

    async fn fill_glance(&self, image_id: &str) -> Result<(), Failure> {
        let client = self.glance_client();
        let input = UploadImageData { image_id: image_id.to_owned(), ..UploadImageData::default() };
        let filled = client.upload_image_data(&input, Source::bytes(PICTURE)).await;
        filled.map_err(|error| self.failed("the upload of an image", &error))?;
        let input = DownloadImageData { image_id: image_id.to_owned(), ..DownloadImageData::default() };
        let read = client.download_image_data(&input).await;
        let (_, body) = read.map_err(|error| self.failed("the image", &error))?;
        let same = body.collect(PICTURE.len() as u64).await.is_ok_and(|bytes| bytes == PICTURE);
        if same { Ok(()) } else { Err(self.differs()) }
    }

    async fn write_pingone(&self, name: Uuid) -> Result<Result<String, &'static str>, Failure> {
        let Some(environment_id) = self.places.environment.clone() else {
            return Ok(Err("nothing was uploaded, as no environment is chosen"));
        };
        let client = self.pingone_client();
        let input = pingone::create_image::CreateImage {
            environment_id: environment_id.clone(),
            content_disposition: Some(format!("attachment; filename=pentaprism-doctor-{name}.png")),
            content_type: Some("image/png".to_owned()),
        };
        let created = client.create_image(&input, Source::bytes(PICTURE)).await;
        let image_id = created.map_err(|error| self.failed("the upload of a picture", &error))?.body.id.to_string();
        let input =
            pingone::read_image::ReadImage { environment_id: environment_id.clone(), image_id: image_id.clone() };
        let read = client.read_image(&input).await;
        let input = pingone::delete_image::DeleteImage { environment_id, image_id: image_id.clone() };
        let deleted = client.delete_image(&input).await;
        let read = read.map(drop).map_err(|error| self.failed("the picture", &error));
        let deleted = deleted.map(drop).map_err(|error| self.failed("the deletion of the picture", &error));
        cleared(read, deleted, &format!("the image {image_id}"))?;
        Ok(Ok("a picture was uploaded, looked at and deleted".to_owned()))
    }

    async fn write_service_fabric(&self, name: Uuid) -> Result<String, Failure> {
        let client = self.service_fabric_client();
        let content_path = format!("pentaprism-doctor-{name}");
        let input = UploadFile { content_path: content_path.clone(), ..UploadFile::default() };
        let uploaded = client.upload_file(&input, Source::bytes(PICTURE)).await;
        uploaded.map_err(|error| self.failed("the upload of a file", &error))?;
        let input = GetImageStoreContent { content_path: content_path.clone(), ..GetImageStoreContent::default() };
        let seen = client.get_image_store_content(&input).await;
        let input =
            DeleteImageStoreContent { content_path: content_path.clone(), ..DeleteImageStoreContent::default() };
        let deleted = client.delete_image_store_content(&input).await;
        let files = seen.map(|seen| seen.body.store_files).map_err(|error| self.failed("the file", &error));
        let deleted = deleted.map(drop).map_err(|error| self.failed("the deletion of the file", &error));
        let files = cleared(files, deleted, &content_path)?;
        let whole = |size: Decimal<u64>| size.0 == PICTURE.len() as u64;
        let same = files.is_some_and(|files| files.iter().any(|file| file.file_size.is_some_and(whole)));
        if same { Ok("a file was uploaded, looked at and deleted".to_owned()) } else { Err(self.differs()) }
    }

    fn differs(&self) -> Failure {
        Failure::new(FailureKind::Differs, format!("{} gave back other bytes than it was given", self.server))
    }
}

/// What came of a try, unless what it has written stays: that is told with whatever else went wrong.
pub(super) fn cleared<T>(tried: Result<T, Failure>, deleted: Result<(), Failure>, what: &str) -> Result<T, Failure> {
    let Err(deletion) = deleted else { return tried };
    let failure = match tried {
        Ok(_) => deletion,
        Err(failure) => {
            let why = [vec![deletion.what], deletion.causes].concat().join(": ");
            failure.cause(format!("{what} is left behind: {why}"))
        }
    };
    Err(failure.advise(format!("delete {what} yourself")))
}
