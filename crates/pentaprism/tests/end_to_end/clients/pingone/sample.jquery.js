var settings = {
  "url": "{{apiPath}}/environments/{{envID}}/images",
  "method": "POST",
  "timeout": 0,
  "headers": {
    "Content-Type": "image/jpg",
    "Content-Disposition": "attachment; filename=200.jpg",
    "Authorization": "Bearer {{accessToken}}"
  },
  "data": "<file contents here>"
};

$.ajax(settings).done(function (response) {
  console.log(response);
});
