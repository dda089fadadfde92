var request = require('request');
var options = {
  'method': 'POST',
  'url': '{{apiPath}}/environments/{{envID}}/images',
  'headers': {
    'Content-Type': 'image/jpg',
    'Content-Disposition': 'attachment; filename=200.jpg',
    'Authorization': 'Bearer {{accessToken}}'
  },
  body: "<file contents here>"

};
request(options, function (error, response) {
  if (error) throw new Error(error);
  console.log(response.body);
});
