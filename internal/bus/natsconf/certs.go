package natsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	caCert = "ca.pem"
	caKey  = "ca.key"

	caLife     = 10 * 365 * 24 * time.Hour
	serverLife = 2 * 365 * 24 * time.Hour
	renewAhead = 60 * 24 * time.Hour // a certificate about to expire is made anew
	clockSkew  = time.Hour
)

// certificates gives the private CA and a certificate for each node, those that are
// there if they still serve.
func (cfg Config) certificates() ([]file, error) {
	if cfg.Cert != "" && len(cfg.Nodes) == 1 {
		return nil, nil // nothing is signed
	}
	ca, files, err := cfg.authority()
	if err != nil {
		return nil, err
	}
	for i, n := range cfg.Nodes {
		pair, err := cfg.certificate(ca, nodeName(i), n.Host)
		if err != nil {
			return nil, err
		}
		files = append(files, pair...)
	}
	return files, nil
}

func nodeName(i int) string { return fmt.Sprintf("nats-%d", i+1) }

// authority is who signs. key is nil when its file is kept elsewhere.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (cfg Config) authority() (authority, []file, error) {
	pemCert, err := os.ReadFile(filepath.Join(cfg.Dir, caCert))
	if errors.Is(err, fs.ErrNotExist) {
		return makeAuthority(cfg.Now)
	}
	if err != nil {
		return authority{}, nil, fmt.Errorf("read the private CA: %w", err)
	}
	files := []file{{caCert, public, pemCert}}
	ca := authority{}
	if ca.cert, err = parseCert(pemCert); err != nil {
		return ca, nil, fmt.Errorf("%s: %w; delete it to have another made", caCert, err)
	}
	pemKey, err := os.ReadFile(filepath.Join(cfg.Dir, caKey))
	if errors.Is(err, fs.ErrNotExist) {
		return ca, files, nil
	}
	if err == nil {
		ca.key, err = parseKey(pemKey)
	}
	if err != nil {
		return ca, nil, fmt.Errorf("%s: %w", caKey, err)
	}
	return ca, append(files, file{caKey, private, pemKey}), nil
}

func makeAuthority(now time.Time) (authority, []file, error) {
	template := &x509.Certificate{
		Subject:  pkix.Name{CommonName: "Tessera NATS"},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: true, MaxPathLenZero: true, BasicConstraintsValid: true,
	}
	key, pemKey, err := makeKey()
	if err != nil {
		return authority{}, nil, err
	}
	pemCert, cert, err := sign(template, authority{template, key}, key.Public(), now, caLife)
	return authority{cert, key}, []file{{caCert, public, pemCert}, {caKey, private, pemKey}}, err
}

// certificate is for clients and for other nodes: a node is a client of those too.
func (cfg Config) certificate(ca authority, name, host string) ([]file, error) {
	certName, keyName := name+".pem", name+".key"
	pemCert, certErr := os.ReadFile(filepath.Join(cfg.Dir, certName))
	pemKey, keyErr := os.ReadFile(filepath.Join(cfg.Dir, keyName))
	if certErr == nil && keyErr == nil && serves(ca, pemCert, pemKey, host, cfg.Now) {
		return []file{{certName, public, pemCert}, {keyName, private, pemKey}}, nil
	}
	if ca.key == nil {
		return nil, fmt.Errorf("a certificate for %s has to be signed: put the key of the private CA back to %s", host, filepath.Join(cfg.Dir, caKey))
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	key, pemKey, err := makeKey()
	if err != nil {
		return nil, err
	}
	pemCert, _, err = sign(template, ca, key.Public(), cfg.Now, serverLife)
	return []file{{certName, public, pemCert}, {keyName, private, pemKey}}, err
}

// serves tells whether a certificate is the CA's, the host's and good for a while.
func serves(ca authority, pemCert, pemKey []byte, host string, now time.Time) bool {
	cert, err := parseCert(pemCert)
	if err != nil {
		return false
	}
	key, err := parseKey(pemKey)
	if err != nil {
		return false
	}
	if own, ok := key.Public().(*ecdsa.PublicKey); !ok || !own.Equal(cert.PublicKey) {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	_, err = cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now.Add(renewAhead)})
	return err == nil
}

func makeKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func sign(template *x509.Certificate, by authority, key crypto.PublicKey, now time.Time, life time.Duration) ([]byte, *x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("make a serial number: %w", err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, now.Add(-clockSkew), now.Add(life)
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key, by.key)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), cert, err
}

func parseCert(data []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

func parseKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("no private key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("a key that cannot sign")
	}
	return signer, nil
}
