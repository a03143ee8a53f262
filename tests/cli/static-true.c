// SPDX-License-Identifier: LGPL-2.1-or-later
/* A program that no library can be put in front of. */
int main(void)
{
	return 0;
}
