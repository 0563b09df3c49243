package system

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// An emulator is a Java program of Google's that comes in two packages: as a
// component of the Google Cloud CLI and as a download of the Firebase CLI.
type emulator struct {
	name      string
	component string // of the Google Cloud CLI
	sdkGlob   string // where it lies in the CLI's platform folder
	cacheGlob string // where it lies in the Firebase CLI's cache
	setup     string // the Firebase CLI's command that downloads it
	mainClass string // in the Google Cloud CLI's jar, if its manifest names none
}

var firestoreEmulator = emulator{
	name:      "the Firestore emulator",
	component: "cloud-firestore-emulator",
	sdkGlob:   "cloud-firestore-emulator/cloud-firestore-emulator*.jar",
	cacheGlob: "cloud-firestore-emulator-v*.jar",
	setup:     "setup:emulators:firestore",
	mainClass: "com.google.cloud.datastore.emulator.firestore.CloudFirestore",
}

var pubsubEmulator = emulator{
	name:      "the Pub/Sub emulator",
	component: "pubsub-emulator",
	sdkGlob:   "pubsub-emulator/lib/cloud-pubsub-emulator*.jar",
	cacheGlob: "pubsub-emulator-*/pubsub-emulator/lib/cloud-pubsub-emulator*.jar",
	setup:     "setup:emulators:pubsub",
}

// sdkPlaces are where the Google Cloud CLI's installers put it, for when it is
// not in the path.
var sdkPlaces = []string{
	"~/google-cloud-sdk",
	"/usr/lib/google-cloud-sdk",
	"/usr/lib64/google-cloud-sdk",
	"/usr/share/google-cloud-sdk",
	"/usr/local/share/google-cloud-sdk",
	"/usr/local/google-cloud-sdk",
	"/opt/google-cloud-sdk",
	"/opt/homebrew/share/google-cloud-sdk",
}

// find returns the Java arguments that run the emulator, or fs.ErrNotExist.
func (e emulator) find(places []string) ([]string, error) {
	for _, root := range sdkRoots(places) {
		if jar := newest(filepath.Join(root, "platform", e.sdkGlob)); jar != "" {
			if e.mainClass != "" {
				return []string{"-cp", jar, e.mainClass}, nil
			}
			return []string{"-jar", jar}, nil
		}
	}
	if jar := newest(filepath.Join(firebaseCache(), e.cacheGlob)); jar != "" {
		return []string{"-jar", jar}, nil
	}
	return nil, fs.ErrNotExist
}

// obtain finds the emulator, and has the Firebase CLI download it if there is none.
func (e emulator) obtain(ctx context.Context, log io.Writer, places []string) ([]string, error) {
	args, err := e.find(places)
	if err == nil {
		return args, nil
	}
	if err := e.download(ctx, log); err != nil {
		return nil, fmt.Errorf("%s is not installed: gcloud components install %s\n(the Firebase CLI can't fetch it either: %w)", e.name, e.component, err)
	}
	args, err = e.find(places)
	if err != nil {
		return nil, fmt.Errorf("%s is not in %s after firebase %s: %w", e.name, firebaseCache(), e.setup, err)
	}
	return args, nil
}

func (e emulator) download(ctx context.Context, log io.Writer) error {
	node, err := findNode(ctx)
	if err != nil {
		return err
	}
	modules, err := npmPackages(ctx, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(log, "Downloading %s with the Firebase CLI (once)\n", e.name)
	return run(ctx, "firebase", log, exec.Command(node, filepath.Join(modules, "firebase-tools", "lib", "bin", "firebase.js"), e.setup, "--non-interactive"))
}

// sdkRoots lists where a Google Cloud CLI may be, the likeliest first.
func sdkRoots(places []string) []string {
	var roots []string
	if root := os.Getenv("CLOUDSDK_ROOT"); root != "" {
		roots = append(roots, root)
	}
	if gcloud, err := exec.LookPath("gcloud"); err == nil {
		if gcloud, err = filepath.EvalSymlinks(gcloud); err == nil {
			roots = append(roots, filepath.Dir(filepath.Dir(gcloud)))
		}
	}
	home, err := os.UserHomeDir()
	for _, p := range places {
		rest, inHome := strings.CutPrefix(p, "~")
		if !inHome {
			roots = append(roots, p)
		} else if err == nil {
			roots = append(roots, home+rest)
		}
	}
	return roots
}

// firebaseCache is where the Firebase CLI keeps the emulators it downloaded.
func firebaseCache() string {
	if dir := os.Getenv("FIREBASE_EMULATORS_PATH"); dir != "" {
		return dir
	}
	home, _ := os.UserHomeDir()
	return filepath.Join(home, ".cache", "firebase", "emulators")
}

// newest returns the youngest file that matches, or "". (Versions in names
// don't sort: 1.9 is older than 1.22.)
func newest(pattern string) string {
	files, _ := filepath.Glob(pattern)
	var best string
	var bestInfo fs.FileInfo
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && (best == "" || info.ModTime().After(bestInfo.ModTime())) {
			best, bestInfo = f, info
		}
	}
	return best
}

// jvmFlags make a JVM start fast and stay small, unless it is to last, and leave
// nothing behind when it is killed. The emulators' messages exist in English only.
func jvmFlags(dir string, lasting bool) []string {
	flags := []string{"-Xmx1g", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.io.tmpdir=" + dir, "-Duser.language=en"}
	if lasting {
		return append(flags, "-Xms1g", "-Xmn600m")
	}
	return append(flags, "-Xms64m", "-XX:TieredStopAtLevel=1")
}

// start starts the emulator and waits until it answers HTTP on addr.
func (e emulator) start(ctx context.Context, s *System, prefix, java, addr string, flags ...string) error {
	args, err := e.obtain(ctx, s.log, sdkPlaces)
	if err != nil {
		return err
	}
	args = append(append(jvmFlags(s.dir, s.opts.Lasting), args...), flags...)
	cmd := exec.Command(java, args...)
	cmd.Dir = s.dir // whatever it writes goes away with it
	p, err := s.start(prefix, cmd)
	if err != nil {
		return err
	}
	return tooOld(p.await(ctx, func(ctx context.Context) error { return get(ctx, "http://"+addr+"/") }), e.name, java)
}
