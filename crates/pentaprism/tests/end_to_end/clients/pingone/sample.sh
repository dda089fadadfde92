curl --location --globoff --request POST '{{apiPath}}/environments/{{envID}}/images' \
--header 'Content-Type: image/jpg' \
--header 'Content-Disposition: attachment; filename=200.jpg' \
--header 'Authorization: Bearer {{accessToken}}' \
--data-binary '@'
