package report

import (
	"cmp"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// An Environment is what a run was made with.
type Environment struct {
	Go      string   `json:"go"`
	OS      string   `json:"os"`
	Arch    string   `json:"arch"`
	Kernel  string   `json:"kernel,omitempty"`
	CPU     string   `json:"cpu,omitempty"`
	CPUs    int      `json:"cpus"`
	Load    string   `json:"load,omitempty"` // the load averages before the run: of 1, 5 and 15 minutes
	Modules []Module `json:"modules"`
}

// A Module is one that the program was built with.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// CurrentEnvironment describes this machine and this program. What the
// platform does not tell stays empty.
func CurrentEnvironment() Environment {
	e := Environment{
		Go:      runtime.Version(),
		OS:      runtime.GOOS,
		Arch:    runtime.GOARCH,
		Kernel:  firstLine("/proc/sys/kernel/osrelease"),
		CPU:     cpuModel(),
		CPUs:    runtime.NumCPU(),
		Load:    loadAverages(),
		Modules: []Module{},
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return e
	}
	for _, m := range info.Deps {
		version := m.Version
		if m.Replace != nil {
			version = cmp.Or(m.Replace.Version, "(this repository)")
		}
		if version == "(devel)" {
			version = "(this repository)"
		}
		e.Modules = append(e.Modules, Module{m.Path, version})
	}
	return e
}

func loadAverages() string {
	all := strings.Fields(firstLine("/proc/loadavg"))
	return strings.Join(all[:min(3, len(all))], " ")
}

func firstLine(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
