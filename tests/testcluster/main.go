// Command testcluster runs a real kube-apiserver with etcd inside the same process, or kubectl.
//
// Where its first argument is "kubectl", it is kubectl with the others. Else the first is a folder
// for etcd's files and a signing key, the others are options of kube-apiserver. etcd listens on a
// Unix socket in that folder only.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const etcdStartsWithin = 60 * time.Second

func main() {
	if len(os.Args) < 2 {
		fail("usage: testcluster DATA_DIR [kube-apiserver options] | kubectl [arguments]")
	}
	if os.Args[1] == "kubectl" {
		os.Args = os.Args[1:]
		util.CheckErr(cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()))
		return
	}
	socket, err := startEtcd(os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	key := filepath.Join(os.Args[1], "service-accounts.key")
	if err := ensureKey(key); err != nil {
		fail(err.Error())
	}
	command := app.NewAPIServerCommand()
	command.SetArgs(append([]string{
		"--etcd-servers=" + socket,
		"--service-account-key-file=" + key,
		"--service-account-signing-key-file=" + key,
	}, os.Args[2:]...))
	os.Exit(cli.Run(command))
}

// startEtcd runs etcd in this process and returns the URL at which it answers.
func startEtcd(dataDir string) (string, error) {
	config := embed.NewConfig()
	config.Dir = filepath.Join(dataDir, "etcd")
	config.LogLevel = "error"
	config.UnsafeNoFsync = true // the data need not survive the machine, only the process
	client := url.URL{Scheme: "unix", Path: filepath.Join(dataDir, "etcd.sock")}
	config.ListenClientUrls = []url.URL{client}
	// Names only: there is one member, and nobody dials them.
	config.AdvertiseClientUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2379"}}
	config.AdvertisePeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:2380"}}
	config.ListenPeerUrls = nil
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	server, err := embed.StartEtcd(config)
	if err != nil {
		return "", fmt.Errorf("etcd does not start: %w", err)
	}
	select {
	case <-server.Server.ReadyNotify():
		return client.String(), nil
	case err := <-server.Err():
		return "", fmt.Errorf("etcd ended: %w", err)
	case <-time.After(etcdStartsWithin):
		return "", fmt.Errorf("etcd is not ready after %s", etcdStartsWithin)
	}
}

// ensureKey writes the key that signs service account tokens, unless there is one already.
func ensureKey(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}

func fail(message string) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(1)
}
