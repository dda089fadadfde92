OkHttpClient client = new OkHttpClient().newBuilder()
  .build();
MediaType mediaType = MediaType.parse("image/jpg");
RequestBody body = RequestBody.create(mediaType, "<file contents here>");
Request request = new Request.Builder()
  .url("{{apiPath}}/environments/{{envID}}/images")
  .method("POST", body)
  .addHeader("Content-Type", "image/jpg")
  .addHeader("Content-Disposition", "attachment; filename=200.jpg")
  .addHeader("Authorization", "Bearer {{accessToken}}")
  .build();
Response response = client.newCall(request).execute();
