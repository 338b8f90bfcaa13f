package web

import (
	"strings"

	"github.com/tessera-iiif/tessera/internal/catalogue"
)

// browsers and systems by the words in what browsers say of themselves, the telling ones
// first: nearly all claim to be several.
var (
	browsers = [][2]string{
		{"Firefox/", "Firefox"}, {"Edg/", "Edge"}, {"OPR/", "Opera"}, {"HeadlessChrome/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}
	systems = [][2]string{
		{"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// agentNames tells what people call a browser; what is not known stays as it came.
func agentNames(say *catalogue.Words) func(agent string) string {
	return func(agent string) string { return agentName(say, agent) }
}

func agentName(say *catalogue.Words, agent string) string {
	browser, system := named(browsers, agent), named(systems, agent)
	switch {
	case browser == "":
		return agent
	case system == "":
		return browser
	}
	return say.Text("agent.on", browser, system)
}

func named(all [][2]string, text string) string {
	for _, one := range all {
		if strings.Contains(text, one[0]) {
			return one[1]
		}
	}
	return ""
}
