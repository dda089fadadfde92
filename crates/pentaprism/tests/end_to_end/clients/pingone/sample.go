package main

import (
	"fmt"
	"strings"
	"net/http"
	"io"
)

func main() {

	url := "{{apiPath}}/environments/{{envID}}/images"
	method := "POST"

	payload := strings.NewReader("<file contents here>")

	client := &http.Client {
	}
	req, err := http.NewRequest(method, url, payload)

	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Add("Content-Type", "image/jpg")
	req.Header.Add("Content-Disposition", "attachment; filename=200.jpg")
	req.Header.Add("Authorization", "Bearer {{accessToken}}")

	res, err := client.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()

	body, err := io.ReadAll(res.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(body))
}
