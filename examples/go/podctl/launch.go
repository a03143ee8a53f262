// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const patience = 60 * time.Second

// pod is one subfunction on its way into a pod and back.
type pod struct {
	pf     device
	sfnum  uint32
	watch  *watcher
	conn   *conn           // for what the library lacks
	lib    *netlink.Handle // the library's own way to keep a socket
	ns     netns.NsHandle  // where it shall be; netns.None(): here, as for a VM
	port   uint32
	nested device
}

type launchResult struct {
	Pods int     `json:"pods"`
	Up   float64 `json:"up_seconds"`
	Down float64 `json:"down_seconds"`
}

func (p *pod) String() string { return fmt.Sprintf("%s/%d", p.pf, p.port) }

// open gives the pod its sockets: one for all requests is cheaper than one for each.
func (p *pod) open() (err error) {
	if p.conn, err = dial(netns.None()); err != nil {
		return err
	}
	if p.lib, err = netlink.NewHandle(unix.NETLINK_GENERIC); err != nil {
		p.conn.close()
	}
	return err
}

func (p *pod) close() {
	p.conn.close()
	p.lib.Close()
}

func (p *pod) set(attrs netlink.DevlinkPortFnSetAttrs) error {
	return p.lib.DevlinkPortFnSet(p.pf.Bus, p.pf.Name, p.port, attrs)
}

// waitOpstate also learns the name of the function's instance.
func (p *pod) waitOpstate(attached bool) error {
	return p.watch.until(p.String(), patience, func() (bool, error) {
		fn, err := p.conn.getFunction(p.pf, p.port)
		if err == nil && fn.Nested != (device{}) {
			p.nested = fn.Nested
		}
		return fn.Attached == attached, err
	})
}

func (p *pod) add() error {
	port, err := p.lib.DevLinkPortAdd(p.pf.Bus, p.pf.Name, nl.DEVLINK_PORT_FLAVOUR_PCI_SF,
		netlink.DevLinkPortAddAttrs{SfNumber: p.sfnum, SfNumberValid: true})
	if err == nil {
		p.port = port.PortIndex
	}
	return err
}

func (p *pod) activate() error {
	mac := net.HardwareAddr{2, 0xf1, 0, byte(p.sfnum >> 16), byte(p.sfnum >> 8), byte(p.sfnum)}
	return p.set(netlink.DevlinkPortFnSetAttrs{
		FnAttrs:     netlink.DevlinkPortFn{HwAddr: mac, State: nl.DEVLINK_PORT_FN_STATE_ACTIVE},
		HwAddrValid: true, StateValid: true})
}

func (p *pod) check() error {
	if p.nested == (device{}) {
		return fmt.Errorf("%s: its function has no instance", p)
	}
	there, err := dial(p.ns)
	if err != nil {
		return err
	}
	defer there.close()
	if !there.exists(p.nested) {
		return fmt.Errorf("%s: %s is not where it was moved to", p, p.nested)
	}
	return nil
}

// back closes the namespace: with the pod it ends, and its instance comes back.
func (p *pod) back() error {
	if !p.ns.IsOpen() {
		return nil
	}
	p.ns.Close()
	return p.watch.until(p.nested.String(), patience, func() (bool, error) {
		return p.conn.exists(p.nested), nil
	})
}

func (p *pod) up() error {
	return steps(p, []step{
		{"port add", p.add},
		{"function set", p.activate},
		{"attach", func() error { return p.waitOpstate(true) }},
		{"reload", func() error { return p.conn.reload(p.nested, p.ns) }},
		{"check", p.check},
	})
}

func (p *pod) down() error {
	return steps(p, []step{
		{"return", p.back},
		{"deactivate", func() error {
			return p.set(netlink.DevlinkPortFnSetAttrs{StateValid: true})
		}},
		{"detach", func() error { return p.waitOpstate(false) }},
		{"port delete", func() error {
			return p.lib.DevLinkPortDel(p.pf.Bus, p.pf.Name, p.port)
		}},
	})
}

type step struct {
	name string
	do   func() error
}

func steps(p *pod, all []step) error {
	for _, s := range all {
		if err := s.do(); err != nil {
			return fmt.Errorf("sf %d: %s: %w", p.sfnum, s.name, err)
		}
	}
	return nil
}

// newNamespace makes a namespace that lives as long as the handle is open.
func newNamespace() (netns.NsHandle, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	here, err := netns.Get()
	if err != nil {
		return netns.None(), err
	}
	defer here.Close()
	ns, err := netns.New()
	if err != nil {
		return ns, fmt.Errorf("cannot make a network namespace: %w", err)
	}
	return ns, netns.Set(here)
}

// together does f for all pods at once, and returns how long it took and the first error.
func together(pods []*pod, f func(*pod) error) (float64, error) {
	var all sync.WaitGroup
	errs := make(chan error, len(pods))
	start := time.Now()
	for _, p := range pods {
		all.Add(1)
		go func(p *pod) {
			defer all.Done()
			if err := f(p); err != nil {
				errs <- err
			}
		}(p)
	}
	all.Wait()
	seconds := time.Since(start).Seconds()
	select {
	case err := <-errs:
		return seconds, fmt.Errorf("%w (%d of %d failed)", err, len(errs)+1, len(pods))
	default:
		return seconds, nil
	}
}

// launch brings n pods up and down again, all at once.
func launch(pf device, n int, first uint32, namespaces bool) (*launchResult, error) {
	if err := switchdev(pf); err != nil {
		return nil, err
	}
	watch, err := newWatcher()
	if err != nil {
		return nil, err
	}
	pods := make([]*pod, n)
	for i := range pods {
		pods[i] = &pod{pf: pf, sfnum: first + uint32(i), watch: watch, ns: netns.None()}
		if err = pods[i].open(); err != nil {
			return nil, err
		}
		defer pods[i].close()
		if namespaces {
			if pods[i].ns, err = newNamespace(); err != nil {
				return nil, err
			}
		}
	}
	result := &launchResult{Pods: n}
	if result.Up, err = together(pods, (*pod).up); err != nil {
		return nil, err
	}
	result.Down, err = together(pods, (*pod).down)
	return result, err
}

// switchdev puts the eswitch into the mode that subfunctions need.
func switchdev(pf device) error {
	d, err := netlink.DevLinkGetDeviceByName(pf.Bus, pf.Name)
	if err != nil || d.Attrs.Eswitch.Mode == "switchdev" {
		return err
	}
	return netlink.DevLinkSetEswitchMode(d, "switchdev")
}
