// An API that allows nothing to pages of other origins: the page must not get to read the answer.
$.ajax({ url: "{{server}}/v2/schemas/image", headers: { "X-Auth-Token": "{{accessToken}}" } })
  .done(() => console.log("read"))
  .fail(() => console.log("kept out"));
