// SPDX-License-Identifier: LGPL-2.1-or-later

// podctl drives devlink as the operators and CNI plugins of pods do, with
// github.com/vishvananda/netlink. It knows nothing of finelink: the same program works on a
// kernel's devlink.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
)

const usage = `usage: podctl [-json] [-dev BUS/NAME] COMMAND
  list                         instances and their ports
  info                         driver, serial number, versions
  resources                    sizes of what the device divides
  params [NAME VALUE [CMODE]]  shows them, or sets one
  add SFNUM                    a port for a new subfunction; prints its handle
  set PORT [hw_addr MAC] [state active|inactive]
  wait PORT attached|detached  until its driver is there, or gone
  delete PORT
  eswitch [legacy|switchdev]   shows its mode, or sets it
  events [COUNT]               tells each change, COUNT of them or for ever
  launch N [netns]             N pods at once, up and down again: port, address, active,
                               attached, reloaded (into a namespace each), checked, deleted
PORT is an index or BUS/NAME/INDEX. Without -dev: the first instance on a PCI bus.
Exit status: 0, 1 if it failed, 2 for a wrong command line.
`

var errUsage = errors.New("wrong command line; podctl -h says more")

var (
	asJSON = flag.Bool("json", false, "print JSON")
	dev    = flag.String("dev", "", "the instance, such as pci/0000:03:00.0")
)

type command func(pf device, args []string) error

// Each with the least and most arguments it takes.
var commands = map[string]struct {
	least, most int
	run         command
}{
	"list":      {0, 0, list},
	"info":      {0, 0, info},
	"resources": {0, 0, resources},
	"params":    {0, 3, params},
	"add":       {1, 1, add},
	"set":       {3, 5, set},
	"wait":      {2, 2, wait},
	"delete":    {1, 1, remove},
	"eswitch":   {0, 1, eswitch},
	"events":    {0, 1, events},
	"launch":    {1, 2, launchCommand},
}

func main() {
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	err := run(flag.Args())
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "podctl:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "podctl:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("which COMMAND? %w", errUsage)
	}
	c, known := commands[args[0]]
	if !known {
		return fmt.Errorf("no command %q; %w", args[0], errUsage)
	}
	if n := len(args) - 1; n < c.least || n > c.most {
		return fmt.Errorf("%s: %w", args[0], errUsage)
	}
	pf, err := findDevice(args[0])
	if err == nil {
		err = c.run(pf, args[1:])
	}
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	return nil
}

func findDevice(command string) (device, error) {
	if *dev != "" {
		return parseDevice(*dev)
	}
	if command == "list" || command == "events" {
		return device{}, nil
	}
	all, err := netlink.DevLinkGetDeviceList()
	if err != nil {
		return device{}, fmt.Errorf("no devlink here: %w", err)
	}
	for _, d := range all {
		if d.BusName == "pci" {
			return device{d.BusName, d.DeviceName}, nil
		}
	}
	return device{}, errors.New("there is no instance on a PCI bus; name one with -dev")
}

// parsePort takes INDEX, or BUS/NAME/INDEX.
func parsePort(pf device, word string) (device, uint32, error) {
	if at := strings.LastIndex(word, "/"); at >= 0 {
		d, err := parseDevice(word[:at])
		if err != nil {
			return d, 0, err
		}
		pf, word = d, word[at+1:]
	}
	index, err := strconv.ParseUint(word, 10, 32)
	if err != nil {
		return pf, 0, fmt.Errorf("%q is no port: %w", word, errUsage)
	}
	return pf, uint32(index), nil
}

func show(value any, lines func()) error {
	if !*asJSON {
		lines()
		return nil
	}
	return json.NewEncoder(os.Stdout).Encode(value)
}

type listedPort struct {
	Handle  string `json:"handle"`
	Flavour string `json:"flavour"`
	Netdev  string `json:"netdev,omitempty"`
	HwAddr  string `json:"hw_addr,omitempty"`
	State   string `json:"state,omitempty"`
	Opstate string `json:"opstate,omitempty"`
}

type listedDevice struct {
	Handle  string       `json:"handle"`
	Eswitch string       `json:"eswitch,omitempty"`
	Ports   []listedPort `json:"ports"`
}

var flavours = map[uint16]string{0: "physical", 1: "cpu", 2: "dsa", 3: "pcipf", 4: "pcivf",
	5: "virtual", 6: "unused", 7: "pcisf"}

func describePort(p *netlink.DevlinkPort) listedPort {
	out := listedPort{Handle: fmt.Sprintf("%s/%s/%d", p.BusName, p.DeviceName, p.PortIndex),
		Flavour: flavours[p.PortFlavour], Netdev: p.NetdeviceName}
	if p.Fn != nil {
		out.HwAddr = p.Fn.HwAddr.String()
		out.State = map[uint8]string{0: "inactive", 1: "active"}[p.Fn.State]
		out.Opstate = map[uint8]string{0: "detached", 1: "attached"}[p.Fn.OpState]
	}
	return out
}

func list(only device, _ []string) error {
	devices, err := netlink.DevLinkGetDeviceList()
	if err != nil {
		return fmt.Errorf("no devlink here: %w", err)
	}
	ports, err := netlink.DevLinkGetAllPortList()
	if err != nil {
		return err
	}
	out := []listedDevice{}
	for _, d := range devices {
		entry := listedDevice{Handle: d.BusName + "/" + d.DeviceName,
			Eswitch: d.Attrs.Eswitch.Mode, Ports: []listedPort{}}
		if only != (device{}) && entry.Handle != only.String() {
			continue
		}
		for _, p := range ports {
			if p.BusName == d.BusName && p.DeviceName == d.DeviceName {
				entry.Ports = append(entry.Ports, describePort(p))
			}
		}
		out = append(out, entry)
	}
	if only != (device{}) && len(out) == 0 {
		return fmt.Errorf("there is no instance %s", only)
	}
	return show(out, func() { printList(out) })
}

func printList(all []listedDevice) {
	field := func(name, value string) string {
		if value == "" {
			return ""
		}
		return " " + name + " " + value
	}
	for _, d := range all {
		fmt.Println(d.Handle + field("eswitch", d.Eswitch))
		for _, p := range d.Ports {
			fmt.Println("  " + p.Handle + field("flavour", p.Flavour) +
				field("netdev", p.Netdev) + field("hw_addr", p.HwAddr) +
				field("state", p.State) + field("opstate", p.Opstate))
		}
	}
}

func info(pf device, _ []string) error {
	all, err := netlink.DevlinkGetDeviceInfoByNameAsMap(pf.Bus, pf.Name)
	if err != nil {
		return err
	}
	return show(all, func() {
		names := []string{}
		for name := range all {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			fmt.Println(name, all[name])
		}
	})
}

func printResources(all []resource, indent string) {
	for _, r := range all {
		fmt.Printf("%s%s id %d size %d\n", indent, r.Name, r.ID, r.Size)
		printResources(r.Below, indent+"  ")
	}
}

func resources(pf device, _ []string) error {
	all, err := getResources(pf)
	if err != nil {
		return err
	}
	return show(all, func() { printResources(all, "") })
}

func params(pf device, args []string) error {
	switch len(args) {
	case 1:
		return errUsage
	case 2:
		return setParam(pf, args[0], args[1], "")
	case 3:
		return setParam(pf, args[0], args[1], args[2])
	}
	all, err := getParams(pf)
	if err != nil {
		return err
	}
	return show(all, func() {
		for _, p := range all {
			for _, cmode := range cmodes {
				if value, has := p.Values[cmode]; has {
					fmt.Println(p.Name, cmode, value)
				}
			}
		}
	})
}

func add(pf device, args []string) error {
	sfnum, err := strconv.ParseUint(args[0], 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no number of a subfunction: %w", args[0], errUsage)
	}
	p := pod{pf: pf, sfnum: uint32(sfnum)}
	if err := p.open(); err != nil {
		return err
	}
	defer p.close()
	if err := p.add(); err != nil {
		return err
	}
	return show(map[string]string{"port": p.String()}, func() { fmt.Println(p.String()) })
}

func set(pf device, args []string) error {
	var attrs netlink.DevlinkPortFnSetAttrs
	owner, port, err := parsePort(pf, args[0])
	if err != nil {
		return err
	}
	for i := 1; i < len(args); i += 2 {
		switch {
		case i+1 == len(args):
			return errUsage
		case args[i] == "hw_addr":
			attrs.HwAddrValid = true
			if attrs.FnAttrs.HwAddr, err = net.ParseMAC(args[i+1]); err != nil {
				return err
			}
		case args[i] == "state" && args[i+1] == "active":
			attrs.StateValid, attrs.FnAttrs.State = true, nl.DEVLINK_PORT_FN_STATE_ACTIVE
		case args[i] == "state" && args[i+1] == "inactive":
			attrs.StateValid = true
		default:
			return errUsage
		}
	}
	return netlink.DevlinkPortFnSet(owner.Bus, owner.Name, port, attrs)
}

func wait(pf device, args []string) error {
	owner, port, err := parsePort(pf, args[0])
	if err != nil {
		return err
	}
	if args[1] != "attached" && args[1] != "detached" {
		return errUsage
	}
	watch, err := newWatcher()
	if err != nil {
		return err
	}
	p := pod{pf: owner, port: port, watch: watch}
	if err := p.open(); err != nil {
		return err
	}
	defer p.close()
	return p.waitOpstate(args[1] == "attached")
}

func remove(pf device, args []string) error {
	owner, port, err := parsePort(pf, args[0])
	if err != nil {
		return err
	}
	return netlink.DevLinkPortDel(owner.Bus, owner.Name, port)
}

func eswitch(pf device, args []string) error {
	d, err := netlink.DevLinkGetDeviceByName(pf.Bus, pf.Name)
	if err != nil {
		return err
	}
	if len(args) == 1 {
		return netlink.DevLinkSetEswitchMode(d, args[0])
	}
	mode := map[string]string{"device": pf.String(), "mode": d.Attrs.Eswitch.Mode}
	return show(mode, func() { fmt.Println(pf, d.Attrs.Eswitch.Mode) })
}

func events(only device, args []string) error {
	left := -1
	if len(args) == 1 {
		var err error
		if left, err = strconv.Atoi(args[0]); err != nil || left < 1 {
			return fmt.Errorf("%q is no count: %w", args[0], errUsage)
		}
	}
	socket, err := subscribe()
	if err != nil {
		return err
	}
	defer socket.Close()
	fmt.Fprintln(os.Stderr, "podctl: listening")
	return receiveEvents(socket, func(e event) bool {
		if only != (device{}) && e.What != "lost" && e.Handle != only.String() &&
			!strings.HasPrefix(e.Handle, only.String()+"/") {
			return true
		}
		show(e, func() { fmt.Println(e.What, e.Handle, e.Detail) })
		left--
		return left != 0
	})
}

func launchCommand(pf device, args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 || (len(args) == 2 && args[1] != "netns") {
		return errUsage
	}
	start := time.Now()
	result, err := launch(pf, n, 1, len(args) == 2)
	if err != nil {
		return err
	}
	return show(result, func() {
		fmt.Printf("%d pods on %s: up in %.3f s, down in %.3f s, all in %.3f s\n", n, pf,
			result.Up, result.Down, time.Since(start).Seconds())
	})
}
