import requests

url = "{{apiPath}}/environments/{{envID}}/images"

payload = "<file contents here>"
headers = {
  'Content-Type': 'image/jpg',
  'Content-Disposition': 'attachment; filename=200.jpg',
  'Authorization': 'Bearer {{accessToken}}'
}

response = requests.request("POST", url, headers=headers, data=payload)

print(response.text)
