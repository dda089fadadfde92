require "uri"
require "net/http"

url = URI("{{apiPath}}/environments/{{envID}}/images")

http = Net::HTTP.new(url.host, url.port);
request = Net::HTTP::Post.new(url)
request["Content-Type"] = "image/jpg"
request["Content-Disposition"] = "attachment; filename=200.jpg"
request["Authorization"] = "Bearer {{accessToken}}"
request.body = "<file contents here>"

response = http.request(request)
puts response.read_body
